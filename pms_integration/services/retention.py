"""Retention of webhooks: old bodies are emptied, their rows stay so that a repeated webhook is recognised."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from pms_backend.api import batches
from pms_integration.models import PMSEvent, PMSEventStatus

# Bodies are up to 5 MB each.
PRUNE_BATCH_SIZE: Final = 1_000


def prune_event_bodies() -> int:
    """Empties bodies and headers of events processed or ignored before `PMS_EVENT_RETENTION_DAYS`; returns how many.

    Dead events keep their body, since staff may retry them.
    """
    return batches.prune(_prune_batch)


def _prune_batch() -> int:
    cutoff = timezone.now() - timedelta(days=settings.PMS_EVENT_RETENTION_DAYS)
    done = (PMSEventStatus.PROCESSED.value, PMSEventStatus.IGNORED.value)
    old = PMSEvent.objects.filter(has_body=True, status__in=done, processed_at__lt=cutoff).order_by("processed_at")
    return PMSEvent.objects.filter(pk__in=old.values("pk")[:PRUNE_BATCH_SIZE]).update(
        body=b"", headers={}, has_body=False
    )
