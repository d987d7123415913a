"""The one signal, whose receivers fail independently of each other."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import connection, transaction
from django.dispatch import Signal

from pms_backend import metrics
from pms_backend.events.models import Event
from pms_backend.events.services.parking import park

logger = logging.getLogger(__name__)

Receiver = Callable[[Sequence[Event]], None]

# How long a failing receiver may delay the feed; events not dispatched by then are parked untried.
ONE_BY_ONE_SECONDS: Final = 30.0

RELAY_TIMEOUT: Final = "30s"
# Expressions of a SELECT, which limit each statement of the transaction, and each pause between two.
LIMIT_WAITING: Final = (
    "set_config('statement_timeout', %(timeout)s, true),"
    " set_config('idle_in_transaction_session_timeout', %(timeout)s, true)"
)
# The one signal: sent with `events`, a list in the order of the feed, inside the relay's transaction.
events_published = Signal()

receivers: dict[str, Receiver] = {}


def receive_published(name: str, receiver: Receiver, *, uses_database: bool = True) -> None:
    """Connects a receiver of published events, called with them in the relay's transaction, in a savepoint of its own.

    One that only registers work for after the commit does not use the database, and needs no savepoint: the two
    statements of a savepoint delay each event.

    A receiver may be called twice for an event, and later than for its successors. It inserts into an append-only work
    table through a service, or registers work for after the commit. When it fails, other receivers are not affected: it
    is called again with each event alone, and events for which it fails again are parked (`replay_parked`).
    """

    def isolated(*, events: Sequence[Event], **_: Any) -> None:
        _dispatch(name, isolating, events)

    isolating = _in_savepoint(receiver) if uses_database else receiver
    receivers.setdefault(name, receiver)
    events_published.connect(isolated, dispatch_uid=name, weak=False)


def _in_savepoint(receiver: Receiver) -> Receiver:
    def receive(events: Sequence[Event]) -> None:
        with transaction.atomic():
            receiver(events)

    return receive


def _dispatch(name: str, receiver: Receiver, events: Sequence[Event]) -> None:
    error = _error_of(name, receiver, events)
    if error is None:
        return
    newest = events[-1].sequence
    logger.warning(
        "The receiver %s failed for the events up to %s and is called again one by one", name, newest, exc_info=error
    )
    failures = _dispatch_one_by_one(name, receiver, events)
    if not failures:
        return
    park(name, failures)
    first, *_, last = *failures, *failures
    logger.error(
        "Parked for the receiver %s: %s of the events from %s to %s; correct it, then replay them",
        *(name, len(failures), first.sequence, last.sequence),
        exc_info=failures[first],
    )


def _dispatch_one_by_one(name: str, receiver: Receiver, events: Sequence[Event]) -> dict[Event, Exception | None]:
    """Returns the events to park, each with the error of the receiver."""
    failures: dict[Event, Exception | None] = {}
    deadline = time.monotonic() + ONE_BY_ONE_SECONDS
    for event in events:
        if time.monotonic() > deadline:
            failures[event] = None
        elif error := _error_of(name, receiver, [event]):
            failures[event] = error
    return failures


def _error_of(name: str, receiver: Receiver, events: Sequence[Event]) -> Exception | None:
    try:
        receiver(events)
    except Exception as error:
        metrics.receiver_failures_total.labels(name).inc()
        return error
    return None


def limit_waiting() -> None:
    """Limits each statement of the transaction, and each pause between two, to 30 s."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {LIMIT_WAITING}", {"timeout": RELAY_TIMEOUT})
