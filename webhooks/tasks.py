"""Tasks that send deliveries, and prune them."""

from celery import shared_task

from pms_backend.api.task_limits import ConcurrencyLimit, upkeep
from webhooks import services


@shared_task
@ConcurrencyLimit(1)  # it has threads of its own
def send_deliveries() -> int:
    """Sends due deliveries; returns how many attempts were made."""
    return services.send_due_deliveries()


@shared_task
@upkeep
def prune_deliveries() -> int:
    """Removes old deliveries with their attempts; returns how many."""
    return services.prune_deliveries()


@shared_task
@upkeep
def check_failing_endpoints() -> int:
    """Warns of endpoints that fail, and disables them; returns how many fail."""
    return services.check_failing_endpoints()
