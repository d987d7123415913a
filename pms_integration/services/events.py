"""PMS events: received, claimed, applied exactly once."""

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
from pms_integration.services.reports import Result, apply_report
from products.models import Variant

logger = logging.getLogger(__name__)

apply_wake_up = WakeUp(task="pms_integration.tasks.apply_pms_events")

# How long a claim is believed before anybody has locked its row; a row that is locked is at work, however long.
LEASE_SECONDS: Final = 5.0
MAX_CRASHES: Final = 5
RETRY_DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
)
DEFERRED_RETRY: Final = timedelta(minutes=5)
DEFERRED_LIMIT: Final = timedelta(days=1)
# A drain ends after this many, and rings for the next.
DRAIN_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to apply an event now; void as soon as anybody claims it again."""

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
    """Stores a verified webhook; returns its status, and whether it was here already. Then it is accepted."""
    with committing(), database.cursor() as cursor:
        cursor.execute(_RECEIVE, [connection.pk, webhook_id, type, body])
        row = cursor.fetchone()
    if row is None:
        known = PMSEvent.objects.values_list("status", flat=True)
        return known.get(connection=connection, webhook_id=webhook_id), True
    apply_wake_up.send_after_commit()
    return row[0], False


def apply_due_events() -> int:
    """Applies what is due, oldest first, until nothing is left or a fair share is done; returns how much."""
    apply_wake_up.acknowledge()
    wake_deferred()
    for count in range(DRAIN_LIMIT):
        claim = claim_next()
        if claim is None:
            return count
        apply_event(claim)
    apply_wake_up.send()
    return DRAIN_LIMIT


_CLAIM: Final = """
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


def claim_next() -> Claim | None:
    """Counts an attempt at the next event that is due, in a transaction of its own; nothing where none is.

    An event that is found `processing` had an attempt whose worker died; one whose row is locked is at work and passed.
    """
    with database.cursor() as cursor:
        cursor.execute(_CLAIM, {"lease": LEASE_SECONDS})
        row = cursor.fetchone()
    return Claim(*row) if row else None


def apply_event(claim: Claim) -> None:
    """Makes what the event says true and says so in its row, in one transaction; or writes down why not."""
    if claim.crashes >= MAX_CRASHES:
        _finish(claim, PMSEventStatus.DEAD, f"Its worker died {claim.crashes} times.")
        return
    try:
        _apply(claim)
    except AwaitsSku as wait:
        _defer(claim, wait.sku_key)
    except UnusableData as error:
        _finish(claim, PMSEventStatus.DEAD, error.detail)
    except DomainError as error:
        _fail(claim, f"{error.code}: {error.detail}")
    except Exception as error:
        logger.exception("The PMS event %s could not be applied", claim.event_id)
        _fail(claim, f"{type(error).__name__}: {error}")


@retried_atomic
def _apply(claim: Claim) -> None:
    event = _held(claim)
    if event is None:
        return
    pms = event.connection
    with context.bind(actor=f"pms:{pms.slug}", request_id=event.webhook_id):
        report = CONNECTORS[pms.kind].parse(load_signed_json(bytes(event.body)))
        result = Result(PMSEventStatus.IGNORED, "unknown_type") if report is None else apply_report(event, report)
        _finish(claim, result.status, result.reason)


def _held(claim: Claim) -> PMSEvent | None:
    """The claimed event, locked; nothing where another has claimed it since, or works on it."""
    held = PMSEvent.objects.select_related("connection").select_for_update(of=("self",), no_key=True, skip_locked=True)
    return held.filter(pk=claim.event_id, status=PMSEventStatus.PROCESSING, attempts=claim.attempt).first()


def _finish(claim: Claim, status: str, reason: str) -> None:
    if status == PMSEventStatus.DEAD:
        logger.error("The PMS event %s is dead: %s", claim.event_id, reason)
    _write(claim, status=status, reason=reason, processed_at=timezone.now(), due_at=None, waits_for_sku_key="")
    transaction.on_commit(lambda: metrics.pms_events_total.labels(status).inc(), robust=True)


def _fail(claim: Claim, reason: str) -> None:
    if claim.failures == len(RETRY_DELAYS):
        _finish(claim, PMSEventStatus.DEAD, reason)
        return
    pause = RETRY_DELAYS[claim.failures] * random.uniform(1, 1.2)  # noqa: S311 - jitter, no secret
    _write(
        claim,
        status=PMSEventStatus.FAILED,
        reason=reason,
        failures=claim.failures + 1,
        due_at=timezone.now() + pause,
    )


def _defer(claim: Claim, sku_key: str) -> None:
    received_at = PMSEvent.objects.values_list("received_at", flat=True).get(pk=claim.event_id)
    if timezone.now() - received_at > DEFERRED_LIMIT:
        _finish(claim, PMSEventStatus.DEAD, f"The SKU {sku_key} did not become known within a day.")
        return
    _write(
        claim,
        status=PMSEventStatus.DEFERRED,
        reason=f"The SKU {sku_key} is not known yet.",
        waits_for_sku_key=sku_key,
        due_at=timezone.now() + DEFERRED_RETRY,
    )


def _write(claim: Claim, *, reason: str, **values: object) -> None:
    mine = PMSEvent.objects.filter(pk=claim.event_id, status=PMSEventStatus.PROCESSING, attempts=claim.attempt)
    mine.update(reason=storable(reason[:MAX_REASON_LENGTH]), **values)


def wake_deferred() -> int:
    """Makes those deferred events due whose SKU has become known; returns how many."""
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
