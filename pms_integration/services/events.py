"""PMS events: stored when they arrive, leased by a worker, applied exactly once."""

import logging
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import connection as database
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from pms_backend import metrics
from pms_backend.access.services import record_audit
from pms_backend.api import context
from pms_backend.api.exceptions import DomainError
from pms_backend.api.parsers import load_signed_json
from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import committing, retried_atomic
from pms_backend.events.wakeups import WakeUp
from pms_integration.connectors import CONNECTORS
from pms_integration.exceptions import AwaitsSku, NotRetriable, UnusableData
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection, PMSEvent, PMSEventStatus
from pms_integration.services.report_application import Result, apply_report
from products.models import Variant

logger = logging.getLogger(__name__)

apply_wake_up = WakeUp(task="pms_integration.tasks.apply_pms_events")

# How long a lease is valid while its row is not locked. A locked row is being applied, however long that takes.
LEASE_SECONDS: Final = 5.0
MAX_CRASHES: Final = 5
RETRY_DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
)
DEFERRED_RETRY: Final = timedelta(minutes=5)
DEFERRED_LIMIT: Final = timedelta(days=1)
# The task ends after this time and sends the next wake-up.
DRAIN_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to apply an event; void as soon as another worker leases the event."""

    event_id: int
    attempt: int
    failures: int
    crashes: int


_RECEIVE: Final = """
INSERT INTO pms_integration_pmsevent (connection_id, webhook_id, type, body)
VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING
RETURNING status
"""


def receive_event(*, connection: PMSConnection, webhook_id: str, type: str, body: bytes) -> tuple[str, bool]:  # noqa: A002
    """Stores a verified webhook, which is accepted from then on; returns its status and whether it is a duplicate."""
    with committing(), database.cursor() as cursor:
        cursor.execute(_RECEIVE, [connection.pk, webhook_id, type, body])
        row = cursor.fetchone()
    if row is None:
        known = PMSEvent.objects.values_list("status", flat=True)
        return known.get(connection=connection, webhook_id=webhook_id), True
    apply_wake_up.send_after_commit()
    return row[0], False


def apply_due_events() -> int:
    """Applies due events, oldest first, until none is left or `DRAIN_SECONDS` are over; returns how many."""
    return apply_wake_up.drain(_apply_next, seconds=DRAIN_SECONDS, prepare=wake_deferred)


def _apply_next() -> bool:
    lease = lease_next()
    if lease is not None:
        apply_event(lease)
    return lease is not None


_LEASE: Final = """
UPDATE pms_integration_pmsevent AS event
SET status = 'processing', attempts = attempts + 1, crashes = crashes + (status = 'processing')::int,
    due_at = clock_timestamp() + %(lease)s * interval '1 second'
WHERE id = (
    SELECT id FROM pms_integration_pmsevent
    WHERE due_at <= clock_timestamp()
    ORDER BY due_at, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, attempts, failures, crashes
"""


def lease_next() -> Lease | None:
    """Leases the next due event and counts an attempt, in a transaction of its own; None if no event is due.

    An event that is already `processing` had an attempt whose worker died. An event whose row is locked is skipped.
    """
    with database.cursor() as cursor:
        cursor.execute(_LEASE, {"lease": LEASE_SECONDS})
        row = cursor.fetchone()
    return Lease(*row) if row else None


def apply_event(lease: Lease) -> None:
    """Applies the event and marks it processed in one transaction, or stores why it could not be applied."""
    if lease.crashes >= MAX_CRASHES:
        _finish(lease, PMSEventStatus.DEAD, f"Its worker died {lease.crashes} times.")
        return
    try:
        _apply(lease)
    except AwaitsSku as wait:
        _defer(lease, wait.sku_key)
    except UnusableData as error:
        _finish(lease, PMSEventStatus.DEAD, error.detail)
    except DomainError as error:
        _fail(lease, f"{error.code}: {error.detail}")
    except Exception as error:
        logger.exception("The PMS event %s could not be applied", lease.event_id)
        _fail(lease, f"{type(error).__name__}: {error}")


@retried_atomic
def _apply(lease: Lease) -> None:
    event = _locked_event(lease)
    if event is None:
        return
    pms = event.connection
    with context.bind(actor=f"pms:{pms.slug}", request_id=event.webhook_id):
        report = CONNECTORS[pms.kind].parse(load_signed_json(bytes(event.body)))
        result = Result(PMSEventStatus.IGNORED, "unknown_type") if report is None else apply_report(event, report)
        _finish(lease, result.status, result.reason)


def _locked_event(lease: Lease) -> PMSEvent | None:
    """The leased event, locked; None if another worker has leased it since or is applying it."""
    events = PMSEvent.objects.select_related("connection").select_for_update(
        of=("self",), no_key=True, skip_locked=True
    )
    return events.filter(pk=lease.event_id, status=PMSEventStatus.PROCESSING, attempts=lease.attempt).first()


def _finish(lease: Lease, status: str, reason: str) -> None:
    if status == PMSEventStatus.DEAD:
        logger.error("The PMS event %s is dead: %s", lease.event_id, reason)
    _write(lease, status=status, reason=reason, processed_at=timezone.now(), due_at=None, waits_for_sku_key="")
    transaction.on_commit(lambda: metrics.pms_events_total.labels(status).inc(), robust=True)


def _fail(lease: Lease, reason: str) -> None:
    if lease.failures == len(RETRY_DELAYS):
        _finish(lease, PMSEventStatus.DEAD, reason)
        return
    pause = RETRY_DELAYS[lease.failures] * random.uniform(1, 1.2)  # noqa: S311 - jitter, no secret
    _write(
        lease,
        status=PMSEventStatus.FAILED,
        reason=reason,
        failures=lease.failures + 1,
        due_at=timezone.now() + pause,
    )


def _defer(lease: Lease, sku_key: str) -> None:
    received_at = PMSEvent.objects.values_list("received_at", flat=True).get(pk=lease.event_id)
    if timezone.now() - received_at > DEFERRED_LIMIT:
        _finish(lease, PMSEventStatus.DEAD, f"The SKU {sku_key} did not become known within a day.")
        return
    _write(
        lease,
        status=PMSEventStatus.DEFERRED,
        reason=f"The SKU {sku_key} is not known yet.",
        waits_for_sku_key=sku_key,
        due_at=timezone.now() + DEFERRED_RETRY,
    )


def _write(lease: Lease, *, reason: str, **values: object) -> None:
    leased = PMSEvent.objects.filter(pk=lease.event_id, status=PMSEventStatus.PROCESSING, attempts=lease.attempt)
    leased.update(reason=storable(reason[:MAX_REASON_LENGTH]), **values)


def wake_deferred() -> int:
    """Makes deferred events due if their SKU is known by now; returns how many."""
    now = timezone.now()
    known = Variant.objects.filter(sku_key=OuterRef("waits_for_sku_key"))
    deferred = PMSEvent.objects.filter(Exists(known), status=PMSEventStatus.DEFERRED, due_at__gt=now)
    return deferred.update(due_at=now)


@retried_atomic
def retry_event(*, event_id: int) -> PMSEvent:
    """Makes a failed, deferred or dead event due now. Raises `NotRetriable`, `PMSEvent.DoesNotExist`."""
    event = PMSEvent.objects.select_for_update(no_key=True).get(pk=event_id)
    if event.status not in (PMSEventStatus.FAILED, PMSEventStatus.DEFERRED, PMSEventStatus.DEAD):
        raise NotRetriable(f"The event is {event.status}.")
    event.status, event.due_at, event.processed_at = PMSEventStatus.RECEIVED, timezone.now(), None
    event.attempts = event.failures = event.crashes = 0
    event.save(update_fields=["status", "due_at", "processed_at", "attempts", "failures", "crashes"])
    record_audit(action="pms_event.retried", subject=f"pms_event:{event.pk}", webhook_id=event.webhook_id)
    apply_wake_up.send_after_commit()
    return event
