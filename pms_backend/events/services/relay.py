"""The relay: it publishes recorded events to the feed, one relay at a time."""

import logging
from typing import Final, NamedTuple

from django.db import connection, transaction

from pms_backend import metrics
from pms_backend.api import cache_generations
from pms_backend.events.models import Event, RelayRun
from pms_backend.events.services import receiving
from pms_backend.events.services.parking import park_untried
from pms_backend.events.services.receiving import events_published, receivers
from pms_backend.events.services.recording import relay_wake_up
from pms_backend.events.services.replaying import replay_untried

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 500
# The key of the advisory lock that one relay at a time holds; any constant works.
RELAY_LOCK: Final = 7_305_001
# A batch during which this many relays died is published event by event.
MAX_BATCH_DEATHS: Final = 2
# An event during which this many more died is published without calling receivers, which get it one at a time.
MAX_SINGLE_DEATHS: Final = 3


class _Plan(NamedTuple):
    """How to publish the next batch."""

    limit: int
    parks_for_receivers: bool


def relay_pending() -> int:
    """Publishes all recorded events and returns how many; returns at once where another relay is at work."""
    relay_wake_up.acknowledge()
    cache_generations.replace_outstanding()
    total = 0
    while (count := relay_batch()) or replay_untried():
        total += count
    return total


def relay_batch() -> int:
    """Stamps up to 500 events with the next sequences and dispatches them; returns how many."""
    plan = _begin()
    return _publish(plan) if plan is not None else 0


@transaction.atomic
def _begin() -> _Plan | None:
    """Stores that a batch starts, so that the next relay notices if this process does not survive it.

    Another relay may start between this commit and the batch; that counts as a death and only makes batches smaller.
    """
    if not _acquire_lock():
        return None
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [BATCH_SIZE])
        first, last, starts, alone_until, _ = cursor.fetchone()
        if first is None:
            return None
        starts += 1
        is_alone = first <= alone_until
        if not is_alone and starts > MAX_BATCH_DEATHS:
            logger.error("The events %s to %s killed their relay %s times", first, last, MAX_BATCH_DEATHS)
            starts, alone_until, is_alone = 1, last, True
        cursor.execute(_STORE_RUN, [starts, alone_until])
    return _Plan(1 if is_alone else BATCH_SIZE, is_alone and starts > MAX_SINGLE_DEATHS)


@transaction.atomic
def _publish(plan: _Plan) -> int:
    if not _acquire_lock(limits_waiting=True):
        return 0
    events = sorted(Event.objects.raw(_STAMP, [plan.limit]), key=lambda event: event.sequence or 0)
    if plan.parks_for_receivers:
        for event in events:
            logger.error("The event %s alone killed its relay: its receivers get it one at a time", event.pk)
            park_untried(receivers, event)
    elif events:
        events_published.send(sender=Event, events=events)
    # Last, although `_STAMP` could do it too: where a receiver lost the connection, Django would leave the transaction
    # without an error.
    RelayRun.objects.update(starts=0)
    metrics.events_published_total.inc(len(events))
    return len(events)


def _acquire_lock(*, limits_waiting: bool = False) -> bool:
    """Whether this relay may work until the end of the transaction, whose waiting the same statement may limit."""
    limits = f", {receiving.LIMIT_WAITING}" if limits_waiting else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pg_try_advisory_xact_lock(%(lock)s::bigint){limits}",
            {"lock": str(RELAY_LOCK), "timeout": receiving.RELAY_TIMEOUT},
        )
        return bool(cursor.fetchone()[0])


# The next events and the run before. Its row has to survive this process, not a crash of the server, so the commit need
# not wait for the disk.
_NEXT: Final = """
SELECT min(pending.id), max(pending.id), coalesce(max(run.starts), 0), coalesce(max(run.alone_until), 0),
    set_config('synchronous_commit', 'off', true)
FROM (SELECT id FROM events_event WHERE sequence IS NULL ORDER BY id LIMIT %s) AS pending
LEFT JOIN events_relayrun AS run ON run.id = 1
"""

_STORE_RUN: Final = """
INSERT INTO events_relayrun (id, starts, alone_until) VALUES (1, %s, %s)
ON CONFLICT (id) DO UPDATE SET starts = EXCLUDED.starts, alone_until = EXCLUDED.alone_until
"""

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
