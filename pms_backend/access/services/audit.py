"""The audit log: failed logins, and its retention."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_backend.access.services.history import record_audit
from pms_backend.api import batches, context

# Of the subjects of logins: anybody may type any name, so that none may be taken for a user's id.
LOGIN: Final = "login"
LOGIN_FAILED: Final = "user.login_failed"


@transaction.atomic
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
    with context.acting_as(actor):
        record_audit(action=LOGIN_FAILED, subject=f"{LOGIN}:{name}", name=name, address=address)


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
