"""Publishing: one relay at a time gives what is recorded its place in the feed."""

import logging
from typing import Final, NamedTuple

from django.db import connection, transaction

from pms_backend import metrics
from pms_backend.api import cache_generations
from pms_backend.events.models import Event, RelayRun
from pms_backend.events.services.parking import count_parked, park_untried
from pms_backend.events.services.receiving import events_published, receivers
from pms_backend.events.services.recording import relay_wake_up
from pms_backend.events.services.replaying import replay_untried
from pms_backend.events.services.timeouts import limit_waiting

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 500
# Any constant will do; it is the name of the lock that one relay at a time holds.
RELAY_LOCK: Final = 7_305_001
# A batch that has killed so many relays is published event by event.
DEATHS_OF_A_BATCH: Final = 2
# An event that has killed so many more by itself is published without its receivers, which get it one at a time.
DEATHS_ALONE: Final = 3


class _Plan(NamedTuple):
    """How the next batch is to be published."""

    limit: int
    holds_receivers_back: bool


def relay_pending() -> int:
    """Publishes everything that is recorded; returns how much that was. Another relay at work is left to it."""
    relay_wake_up.acknowledge()
    cache_generations.replace_outstanding()
    total = 0
    while (count := relay_batch()) or replay_untried():
        total += count
    count_parked()
    return total


def relay_batch() -> int:
    """Stamps up to 500 events with the next sequences and tells the receivers; returns how many."""
    plan = _begin()
    return _publish(plan) if plan is not None else 0


@transaction.atomic
def _begin() -> _Plan | None:
    """Writes down that a batch is begun, for whoever comes after this process if it does not survive it.

    Another relay may begin between this commit and the batch; that counts as a death and does no harm, since all that
    deaths lead to is more care.
    """
    if not _take_lock():
        return None
    pending = list(Event.objects.pending().values_list("id", flat=True)[:BATCH_SIZE])
    if not pending:
        return None
    with connection.cursor() as cursor:
        # It has to outlive this process, not the server: nobody waits for the disk.
        cursor.execute("SELECT set_config('synchronous_commit', 'off', true)")
    run, _ = RelayRun.objects.get_or_create(id=1)
    run.starts += 1
    is_alone = pending[0] <= run.alone_until
    if not is_alone and run.starts > DEATHS_OF_A_BATCH:
        logger.error("The events %s to %s killed their relay %s times", pending[0], pending[-1], DEATHS_OF_A_BATCH)
        run.starts, run.alone_until, is_alone = 1, pending[-1], True
    run.save(update_fields=["starts", "alone_until"])
    return _Plan(1 if is_alone else BATCH_SIZE, is_alone and run.starts > DEATHS_ALONE)


@transaction.atomic
def _publish(plan: _Plan) -> int:
    if not _take_lock():
        return 0
    limit_waiting()
    events = sorted(Event.objects.raw(_STAMP, [plan.limit]), key=lambda event: event.sequence or 0)
    if plan.holds_receivers_back:
        for event in events:
            logger.error("The event %s killed its relay by itself: its receivers get it one at a time", event.pk)
            park_untried(receivers, event)
    elif events:
        events_published.send(sender=Event, events=events)
    RelayRun.objects.update(starts=0)
    metrics.events_published_total.inc(len(events))
    return len(events)


def _take_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [RELAY_LOCK])
        return bool(cursor.fetchone()[0])


_STAMP: Final = """
WITH batch AS (
    SELECT id, row_number() OVER (ORDER BY id) AS position
    FROM (SELECT id FROM events_event WHERE sequence IS NULL ORDER BY id LIMIT %s) AS pending
), head AS (
    INSERT INTO events_feedhead AS head (id, sequence)
    SELECT 1, count(*) FROM batch HAVING count(*) > 0
    ON CONFLICT (id) DO UPDATE SET sequence = head.sequence + EXCLUDED.sequence
    RETURNING head.sequence
)
UPDATE events_event AS event
SET sequence = head.sequence - (SELECT count(*) FROM batch) + batch.position
FROM batch, head
WHERE event.id = batch.id
RETURNING event.*
"""
