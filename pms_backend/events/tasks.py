"""The relay's task, whose queue has a worker of its own with one process, and pruning the feed."""

from celery import shared_task

from pms_backend.api.task_limits import upkeep
from pms_backend.events import services


@shared_task
def relay_events() -> int:
    """Publishes recorded events."""
    return services.relay_pending()


@shared_task
@upkeep
def prune_events() -> int:
    """Removes events older than the retention, on the default queue, so that publishing does not wait for it."""
    return services.prune_events()
