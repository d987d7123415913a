"""Recording events: the outbox."""

import json
from typing import Final

from django.db import connection, transaction

from pms_backend.api import context
from pms_backend.api.arrays import as_array
from pms_backend.events.domain_events import DomainEvent
from pms_backend.events.wakeups import WakeUp

# By hand: Django takes several times as long to make such a statement as PostgreSQL to run it.
_RECORD: Final = """
INSERT INTO events_event (type, subject, actor, request_id, data)
SELECT fact.type, fact.subject, %s, %s, fact.data
FROM unnest(%s::text[], %s::text[], %s::jsonb[]) WITH ORDINALITY AS fact(type, subject, data, position)
ORDER BY fact.position
"""

relay_wake_up = WakeUp(task="pms_backend.events.tasks.relay_events")


def record(*facts: DomainEvent) -> None:
    """Writes events to the outbox, in the transaction that makes them true.

    To be called after the subject's row is locked, so that its events are in the order of its commits. After the commit
    the generations that the facts name are replaced.
    Raises `TransactionManagementError` outside of a transaction.
    """
    require_transaction()
    if not facts:
        return
    now = context.current()
    with connection.cursor() as cursor:
        types, subjects = as_array([fact.type for fact in facts]), as_array([fact.subject for fact in facts])
        data = as_array([json.dumps(fact.data()) for fact in facts])
        cursor.execute(_RECORD, [now.actor, now.request_id, types, subjects, data])
    relay_wake_up.send_after_commit(replacing={name for fact in facts for name in fact.generations})


def require_transaction() -> None:
    """Refuses to announce what might not come true."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event is recorded in the transaction that makes it true.")
