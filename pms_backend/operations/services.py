"""The writes of operations."""

from django.utils import timezone

from pms_backend.operations.models import Heartbeat


def record_heartbeat(*, queue: str) -> None:
    """Says that the worker of `queue` is at work."""
    Heartbeat.objects.update_or_create(queue=queue, defaults={"beat_at": timezone.now()})
