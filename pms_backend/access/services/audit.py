"""The audit log: who did what."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_backend.api import batches, context

# Only people and programs are audited; what connections and the system do is in the feed.
AUDITED_ACTORS: Final = ("client:", "user:")
# The ledger, reservations, transfers and stocktakes record their own actors permanently.
RECORDED_ELSEWHERE: Final = ("stock.", "reservation.", "transfer.", "stocktake.")

LOGIN_FAILED: Final = "user.login_failed"


class Published(NamedTuple):
    """The parts of a published event that the audit log stores."""

    sequence: int
    type: str
    subject: str
    actor: str
    request_id: str
    occurred_at: datetime


def record_audit(*, action: str, subject: str, **detail: Any) -> None:
    """Adds an entry for the actor of the running request, in its transaction."""
    origin = context.current()
    AuditEntry.objects.create(
        action=action, subject=subject, actor=origin.actor, request_id=origin.request_id, detail=detail
    )


def audit_published(*, events: Iterable[Published]) -> None:
    """Adds entries for published events of people and programs; existing entries stay."""
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
            if event.actor.startswith(AUDITED_ACTORS) and not event.type.startswith(RECORDED_ELSEWHERE)
        ),
        ignore_conflicts=True,
    )


def record_failed_login(*, name: str, address: str) -> None:
    """Adds an entry that a login as `name` from `address` failed; the address is the actor, not the user.

    Within the time of a lockout an address gets no more entries than the failures that lock it.
    """
    actor = f"address:{address}"
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    latest = AuditEntry.objects.filter(actor=actor, action=LOGIN_FAILED).order_by("-id")
    limit = settings.LOGIN_FAILURES_PER_ADDRESS
    oldest = latest.values_list("occurred_at", flat=True)[limit - 1 : limit].first()
    if oldest is not None and oldest > since:
        return
    with context.bind(actor=actor, request_id=context.current().request_id):
        record_audit(action=LOGIN_FAILED, subject=f"user:{name}", address=address)


def prune_audit_log() -> int:
    """Removes entries older than `AUDIT_RETENTION_DAYS`, oldest first; returns how many."""
    return batches.prune(_prune_batch)


_PRUNE: Final = """
DELETE FROM access_auditentry WHERE occurred_at < %s
AND id IN (SELECT id FROM access_auditentry ORDER BY id LIMIT %s)
"""


@transaction.atomic
def _prune_batch() -> int:
    cutoff = timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS)
    with connection.cursor() as cursor:
        # The table's trigger refuses it to everybody else.
        cursor.execute("SET LOCAL pms.allow_prune = 'on'")
        cursor.execute(_PRUNE, [cutoff, batches.PRUNE_BATCH_SIZE])
        removed = int(cursor.rowcount)
        cursor.execute("SET LOCAL pms.allow_prune = 'off'")
    return removed
