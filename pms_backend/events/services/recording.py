"""Recording events: the outbox."""

import json
from collections.abc import Sequence
from typing import Final

from django.db import connection, transaction

from pms_backend.api import context
from pms_backend.api.arrays import as_array
from pms_backend.events.domain_events import DomainEvent
from pms_backend.events.wakeups import WakeUp

# Raw SQL, because Django takes several times as long to build such a statement as PostgreSQL takes to run it.
_RECORD: Final = """
INSERT INTO events_event (type, subject, actor, request_id, data)
SELECT event.type, event.subject, %s, coalesce(event.request_id, %s), event.data
FROM unnest(%s::text[], %s::text[], %s::jsonb[], {request_ids})
    WITH ORDINALITY AS event(type, subject, data, request_id, position)
ORDER BY event.position
"""
_OF_THIS_REQUEST: Final = _RECORD.format(request_ids="NULL::text[]")
_OF_SEVERAL_REQUESTS: Final = _RECORD.format(request_ids="%s::text[]")

relay_wake_up = WakeUp(task="pms_backend.events.tasks.relay_events")


def record(*events: DomainEvent, request_ids: Sequence[str | None] | None = None) -> None:
    """Writes events to the outbox, in the transaction that makes them true.

    Call it after the subject's row is locked, so that its events are in the order of its commits. After the commit the
    cache generations that the events name are replaced. `request_ids` has one for each event, None for the present one.
    Raises `TransactionManagementError` outside of a transaction.
    """
    require_transaction()
    if not events:
        return
    origin = context.current()
    with connection.cursor() as cursor:
        types, subjects = as_array([event.type for event in events]), as_array([event.subject for event in events])
        data = as_array([json.dumps(event.data()) for event in events])
        parameters = [origin.actor, origin.request_id, types, subjects, data]
        if request_ids is None:
            cursor.execute(_OF_THIS_REQUEST, parameters)
        else:
            cursor.execute(_OF_SEVERAL_REQUESTS, [*parameters, as_array(request_ids)])
    relay_wake_up.send_after_commit(replacing={name for event in events for name in event.generations})


def require_transaction() -> None:
    """Raises `TransactionManagementError` outside of a transaction, where an event might never come true."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event is recorded in the transaction that makes it true.")
