"""Pruning the feed, in batches that block nobody."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Greatest
from django.utils import timezone

from pms_backend.api import batches
from pms_backend.events.models import Event, FeedHead, ParkedEvent, last_pruned


def prune_events() -> int:
    """Removes published events older than `EVENT_RETENTION_DAYS`, from the beginning of the feed; returns how many.

    Events after `FeedHead.pruned_to` stay gapless. Parked events stay until they are replayed.
    """
    return _prune_replayed() + batches.prune(_prune_batch)


@transaction.atomic
def _prune_batch() -> int:
    cutoff = timezone.now() - timedelta(days=settings.EVENT_RETENTION_DAYS)
    pruned_to = last_pruned()
    batch = Event.objects.published_after(pruned_to).values_list("id", "sequence", "occurred_at")[
        : batches.PRUNE_BATCH_SIZE
    ]
    old: list[int] = []
    for identity, sequence, occurred_at in batch:
        # `occurred_at` does not strictly follow the sequence; events are removed from the beginning only.
        if sequence is None or occurred_at >= cutoff:
            break
        old.append(identity)
        pruned_to = sequence
    if not old:
        return 0
    removed = _remove(old)
    # The relay updates this row too, so it is locked last, for as short as possible.
    FeedHead.objects.filter(pruned_to__lt=pruned_to).update(
        pruned_to=pruned_to, pruned_before=Greatest("pruned_before", Value(cutoff))
    )
    return removed


@transaction.atomic
def _prune_replayed() -> int:
    """Removes events before `pruned_to` that stayed because they were parked, and are replayed now."""
    left = ParkedEvent.objects.filter(event__sequence__lte=last_pruned(), resolved_at__isnull=False).order_by("id")
    return _remove(left.values_list("event_id", flat=True)[: batches.PRUNE_BATCH_SIZE])


def _remove(events: Iterable[int]) -> int:
    wanted = set(events)
    wanted -= set(ParkedEvent.objects.unresolved().filter(event__in=wanted).values_list("event_id", flat=True))
    ParkedEvent.objects.filter(event__in=wanted).delete()
    with connection.cursor() as cursor:
        # Django's own delete() would read every payload first.
        cursor.execute("DELETE FROM events_event WHERE id = ANY(%s)", [list(wanted)])
        return int(cursor.rowcount)
