"""What inventory does when it is time."""

from celery import shared_task

from inventory import services
from pms_backend.api.task_limits import ConcurrencyLimit


@shared_task
@ConcurrencyLimit(1)
def expire_reservations() -> int:
    """Ends the reservations whose time is over."""
    return services.expire_reservations()
