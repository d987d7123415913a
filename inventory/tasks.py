"""The periodic tasks of inventory."""

from celery import shared_task

from inventory import services
from pms_backend.api.task_limits import ConcurrencyLimit


@shared_task
@ConcurrencyLimit(1)
def expire_reservations() -> int:
    """Expires the reservations that are past their end."""
    return services.expire_reservations()
