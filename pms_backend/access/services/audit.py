"""The audit log: who did what. It only ever grows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from pms_backend.access.models import AuditEntry
from pms_backend.api import context

# A connection's and the system's own doings are in the feed; here stand those of people and programs.
AUDITED_ACTORS: Final = ("client:", "user:")


class Published(NamedTuple):
    """A published event, as far as the audit log wants to know it."""

    sequence: int
    type: str
    subject: str
    actor: str
    request_id: str
    occurred_at: datetime


def record_audit(*, action: str, subject: str, **detail: Any) -> None:
    """Writes down what the caller of the running request does, in its transaction."""
    now = context.current()
    AuditEntry.objects.create(action=action, subject=subject, actor=now.actor, request_id=now.request_id, detail=detail)


def audit_published(*, events: Iterable[Published]) -> None:
    """Writes down the published events of people and programs; one that is there already stays as it is."""
    AuditEntry.objects.bulk_create(
        (
            AuditEntry(
                sequence=event.sequence,
                action=event.type,
                subject=event.subject,
                actor=event.actor,
                request_id=event.request_id,
                occurred_at=event.occurred_at,
            )
            for event in events
            if event.actor.startswith(AUDITED_ACTORS)
        ),
        ignore_conflicts=True,
    )
