"""The API's housekeeping."""

from celery import shared_task

from pms_backend.api import services
from pms_backend.api.task_limits import upkeep


@shared_task
@upkeep
def prune_idempotency_keys() -> int:
    """Removes the keys whose time is over."""
    return services.prune_idempotency_keys()
