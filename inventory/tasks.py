"""What inventory does when it is time."""

from celery import shared_task

from inventory import services


@shared_task
def expire_reservations() -> int:
    """Ends the reservations whose time is over."""
    return services.expire_reservations()
