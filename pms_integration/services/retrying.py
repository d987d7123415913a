"""Makes PMS events due before their time: when an operator asks for it, and when what they wait for exists."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection as database
from django.utils import timezone
from django.utils.translation import gettext as _

from pms_backend.access.services import record_audit
from pms_backend.api.transactions import retried_atomic
from pms_integration.exceptions import NotRetriable
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus
from pms_integration.services.wake_up import apply_wake_up

RETRIABLE: Final = (PMSEventStatus.FAILED, PMSEventStatus.DEFERRED, PMSEventStatus.DEAD)

# Rows are locked in the order of their ids, as everywhere: an UPDATE alone locks them in any order.
_WAKE_DEFERRED: Final = """
UPDATE pms_integration_pmsevent SET due_at = clock_timestamp()
WHERE id IN (
    SELECT event.id FROM pms_integration_pmsevent AS event
    WHERE event.status = 'deferred' AND event.due_at > clock_timestamp() AND (
        EXISTS (SELECT FROM products_variant WHERE sku_key = event.waits_for_sku_key)
        OR EXISTS (
            SELECT FROM pms_integration_pmsvariant AS known
            WHERE event.waits_for_external_id <> '' AND known.connection_id = event.connection_id
                AND (known.external_id = event.waits_for_external_id
                    OR known.other_ids @> ARRAY[event.waits_for_external_id]::varchar[])))
    ORDER BY event.id FOR NO KEY UPDATE
)
"""
_RETRY_OWN_FAILURES: Final = """
UPDATE pms_integration_pmsevent SET due_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM pms_integration_pmsevent WHERE status = 'failed' AND failed_by_us AND due_at > clock_timestamp()
    ORDER BY id FOR NO KEY UPDATE
)
"""


@retried_atomic
def wake_deferred() -> int:
    """Makes deferred events due if the variant that they wait for exists by now; returns how many."""
    return _update(_WAKE_DEFERRED)


@retried_atomic
def retry_own_failures() -> int:
    """Makes events due that failed by an error of ours; returns how many."""
    return _update(_RETRY_OWN_FAILURES)


def _update(statement: str) -> int:
    with database.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


@retried_atomic
def retry_event(*, event_id: int) -> PMSEvent:
    """Makes a failed, deferred or dead event due now. Raises `NotRetriable`, `PMSEvent.DoesNotExist`."""
    event = PMSEvent.objects.select_for_update(no_key=True).get(pk=event_id)
    if event.status not in RETRIABLE:
        raise NotRetriable(_("The event is %(status)s.") % {"status": event.get_status_display().lower()})
    _make_due([event.pk])
    record_audit(action="pms_event.retried", subject=f"pms_event:{event.pk}", webhook_id=event.webhook_id)
    event.refresh_from_db()
    return event


@retried_atomic
def retry_events(
    *, connection: PMSConnection | None = None, status: str | None = None, since: datetime | None = None
) -> int:
    """Makes failed, deferred and dead events due now: all, or those of a connection, a status, received since a moment.

    Returns how many.
    """
    events = PMSEvent.objects.filter(status__in=[status] if status else RETRIABLE)
    if connection is not None:
        events = events.filter(connection=connection)
    if since is not None:
        events = events.filter(received_at__gte=since)
    ids = list(events.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    if ids:
        _make_due(ids)
        subject = f"pms_connection:{connection.slug}" if connection else "pms_events"
        moment = since.isoformat() if since else None
        record_audit(action="pms_event.retried", subject=subject, status=status, since=moment, count=len(ids))
    return len(ids)


def _make_due(event_ids: Sequence[int]) -> None:
    PMSEvent.objects.filter(pk__in=event_ids).update(
        status=PMSEventStatus.RECEIVED, due_at=timezone.now(), processed_at=None, attempts=0, failures=0, crashes=0
    )
    apply_wake_up.send_after_commit()
