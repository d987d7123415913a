"""Maintenance tasks of the API."""

from celery import shared_task

from pms_backend.api import services
from pms_backend.api.task_limits import upkeep


@shared_task
@upkeep
def prune_idempotency_keys() -> int:
    """Deletes expired idempotency keys."""
    return services.prune_idempotency_keys()
