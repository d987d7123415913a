"""What processed webhooks said goes after a while; that they came stays."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from pms_integration.models import PMSEvent, PMSEventStatus

PRUNE_BATCH_SIZE: Final = 1_000
# One run empties no more, so that what has piled up does not keep the other upkeep waiting.
MAX_BATCHES: Final = 20


def prune_event_bodies() -> int:
    """Empties the bodies of events that were processed or ignored before `PMS_EVENT_RETENTION_DAYS`; returns how many.

    Dead ones keep theirs, since somebody may have them tried again.
    """
    cutoff = timezone.now() - timedelta(days=settings.PMS_EVENT_RETENTION_DAYS)
    done = (PMSEventStatus.PROCESSED.value, PMSEventStatus.IGNORED.value)
    old = PMSEvent.objects.filter(has_body=True, status__in=done, processed_at__lt=cutoff).order_by("processed_at")
    total = 0
    for _ in range(MAX_BATCHES):
        emptied = PMSEvent.objects.filter(pk__in=old.values("pk")[:PRUNE_BATCH_SIZE]).update(body=b"", has_body=False)
        total += emptied
        if emptied < PRUNE_BATCH_SIZE:
            break
    return total
