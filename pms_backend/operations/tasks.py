"""The tasks of the heartbeats, and of what the counters rose by."""

from celery import shared_task

from pms_backend.api.task_limits import upkeep
from pms_backend.operations import services
from pms_backend.operations.business_metrics import services as business_metrics


@shared_task
def record_heartbeat(queue: str) -> None:
    """Records that the worker of `queue` works."""
    services.record_heartbeat(name=queue)


@shared_task
@upkeep
def prune_increases() -> int:
    """Merges and deletes old increases of counters."""
    return business_metrics.prune_increases()
