"""Signs of life."""

from celery import shared_task

from pms_backend.operations import services


@shared_task
def record_heartbeat(queue: str) -> None:
    """Says that the worker of `queue` is at work."""
    services.record_heartbeat(queue=queue)
