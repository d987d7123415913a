"""Recording events: the outbox."""

from django.db import connection, transaction

from pms_backend.api import context
from pms_backend.events.bells import Bell
from pms_backend.events.facts import Fact
from pms_backend.events.models import Event

relay_bell = Bell(task="pms_backend.events.tasks.relay_events")


def record(*facts: Fact) -> None:
    """Writes events to the outbox, in the transaction that makes them true.

    To be called after the subject's row is locked, so that its events are in the order of its commits. After the commit
    the generations that the facts name are replaced.
    Raises `TransactionManagementError` outside of a transaction.
    """
    require_transaction()
    now = context.current()
    Event.objects.bulk_create(
        Event(type=fact.type, subject=fact.subject, actor=now.actor, request_id=now.request_id, data=fact.data())
        for fact in facts
    )
    relay_bell.ring_after_commit(replacing={name for fact in facts for name in fact.generations})


def require_transaction() -> None:
    """Refuses to announce what might not come true."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event is recorded in the transaction that makes it true.")
