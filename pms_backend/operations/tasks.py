"""The task of the heartbeats."""

from celery import shared_task

from pms_backend.operations import services


@shared_task
def record_heartbeat(queue: str) -> None:
    """Records that the worker of `queue` works."""
    services.record_heartbeat(name=queue)
