"""Recording events, and publishing them."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import connection, transaction
from django.dispatch import Signal

from pms_backend import metrics
from pms_backend.api import context
from pms_backend.events.bells import Bell
from pms_backend.events.facts import Fact
from pms_backend.events.models import Event

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 500
# Any constant will do; it is the name of the lock that one relay at a time holds.
RELAY_LOCK: Final = 7_305_001
RELAY_TIMEOUT: Final = "30s"

# The one signal: sent with `events`, a list in the order of the feed, inside the relay's transaction.
events_published = Signal()

relay_bell = Bell(task="pms_backend.events.tasks.relay_events")


def record(*facts: Fact) -> None:
    """Writes events to the outbox, in the transaction that makes them true.

    To be called after the subject's row is locked, so that its events are in the order of its commits.
    Raises `TransactionManagementError` outside of a transaction.
    """
    require_transaction()
    now = context.current()
    Event.objects.bulk_create(
        Event(type=fact.type, subject=fact.subject, actor=now.actor, request_id=now.request_id, data=fact.data())
        for fact in facts
    )
    relay_bell.ring_after_commit()


def require_transaction() -> None:
    """Refuses to announce what might not come true."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event is recorded in the transaction that makes it true.")


def relay_pending() -> int:
    """Publishes everything that is recorded; returns how much that was. Another relay at work is left to it."""
    relay_bell.silence()
    total = 0
    while count := relay_batch():
        total += count
    return total


@transaction.atomic
def relay_batch() -> int:
    """Stamps up to 500 events with the next sequences and tells the receivers; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [RELAY_TIMEOUT, RELAY_TIMEOUT],
        )
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [RELAY_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    events = sorted(Event.objects.raw(_STAMP, [BATCH_SIZE]), key=lambda event: event.sequence or 0)
    if events:
        events_published.send(sender=Event, events=events)
        metrics.events_published_total.inc(len(events))
    return len(events)


_STAMP = """
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


def receive_published(name: str, receiver: Callable[[Sequence[Event]], None]) -> None:
    """Connects a receiver of published events, called with them in the relay's transaction, in a savepoint of its own.

    A receiver may be called twice for an event. It inserts into an append-only work table through a service, or
    registers work for after the commit; when it fails, nobody else does.
    """

    def isolated(*, events: Sequence[Event], **_: Any) -> None:
        try:
            with transaction.atomic():
                receiver(events)
        except Exception:
            metrics.receiver_failures_total.labels(name).inc()
            logger.exception("The receiver %s failed for the events up to %s", name, events[-1].sequence)

    events_published.connect(isolated, dispatch_uid=name, weak=False)
