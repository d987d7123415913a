"""The periodic tasks of inventory."""

from celery import shared_task

from inventory import services
from pms_backend.api.task_limits import ConcurrencyLimit, upkeep


@shared_task
@ConcurrencyLimit(1)
def expire_reservations() -> int:
    """Expires the reservations that are past their end."""
    return services.expire_reservations()


@shared_task
@upkeep
def record_stock_days() -> int:
    """Records the stock at the end of the days that have ended."""
    return services.record_stock_days()
