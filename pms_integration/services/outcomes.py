"""The outcome of an attempt to apply a PMS event, and how it is written."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from pms_backend import metrics
from pms_backend.api.arrays import as_array
from pms_backend.api.exceptions import DomainError
from pms_backend.api.storable_text import storable
from pms_integration.exceptions import ConnectorMissing, UnusableData
from pms_integration.models import MAX_REASON_LENGTH, PMSEventStatus
from pms_integration.services.leases import Lease
from pms_integration.services.retries import DEFERRED_LIMIT, DEFERRED_RETRY, RETRY_DELAYS, pause_after
from pms_integration.services.valid_reports import VariantKey

logger = logging.getLogger(__name__)


class Match(StrEnum):
    """How a reported product was matched with ours: by a link that exists, by SKU, by barcode, or not."""

    LINKED = "linked"
    SKU = "sku"
    BARCODE = "barcode"
    NEW = "new"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status after an attempt and its reason; a deferred event waits for a variant.

    `is_retried_for_ever`: a failed event does not become dead, however often it is tried. For the report of a product,
    `match` says how it was matched, and `change` what became of ours: `created`, `updated` or `unchanged`.
    """

    status: PMSEventStatus
    reason: str = ""
    waits_for: VariantKey | None = None
    failed_by_us: bool = False
    is_retried_for_ever: bool = False
    match: Match | None = None
    change: str = ""

    @property
    def is_success(self) -> bool:
        """Whether there is nothing more to do."""
        return self.status in (PMSEventStatus.PROCESSED, PMSEventStatus.IGNORED)


PROCESSED: Final = Outcome(PMSEventStatus.PROCESSED)
UNKNOWN_TYPE: Final = Outcome(PMSEventStatus.IGNORED, "unknown_type")
NOTHING_REPORTED: Final = Outcome(PMSEventStatus.IGNORED, "nothing_reported")
STALE: Final = Outcome(PMSEventStatus.IGNORED, "stale")
SUPERSEDED: Final = Outcome(PMSEventStatus.IGNORED, "superseded")
ACKNOWLEDGED: Final = Outcome(PMSEventStatus.PROCESSED, "the acknowledgement of a push of ours")
FOR_COMPARISON: Final = Outcome(PMSEventStatus.PROCESSED, "recorded for comparison: the stock here is ours")


def deferred(variant: VariantKey) -> Outcome:
    """The outcome of a report that names a variant which does not exist yet."""
    if variant.sku_key:
        return Outcome(PMSEventStatus.DEFERRED, f"The SKU {variant.sku_key} is not known yet.", variant)
    return Outcome(PMSEventStatus.DEFERRED, f"The variant {variant.external_id} is not known yet.", variant)


def outcome_of(error: Exception) -> Outcome:
    """The outcome of an attempt that raised an error; other errors than domain errors are ours."""
    if isinstance(error, UnusableData):
        return Outcome(PMSEventStatus.DEAD, error.detail)
    if isinstance(error, ConnectorMissing):
        reason = f"{error.code}: {error.detail}"
        return Outcome(PMSEventStatus.FAILED, reason, failed_by_us=True, is_retried_for_ever=True)
    if isinstance(error, DomainError):
        return Outcome(PMSEventStatus.FAILED, f"{error.code}: {error.detail}")
    return Outcome(PMSEventStatus.FAILED, f"{type(error).__name__}: {error}", failed_by_us=True)


_WRITE: Final = """
UPDATE pms_integration_pmsevent AS event
SET status = outcome.status, reason = outcome.reason, failures = outcome.failures, failed_by_us = outcome.failed_by_us,
    waits_for_sku_key = outcome.sku_key, waits_for_external_id = outcome.external_id, due_at = outcome.due_at,
    processed_at = CASE WHEN outcome.due_at IS NULL THEN clock_timestamp() END
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::boolean[], %s::text[], %s::text[],
        %s::timestamptz[])
    AS outcome(id, attempt, status, reason, failures, failed_by_us, sku_key, external_id, due_at),
    pms_integration_pmsconnection AS pms
WHERE event.id = outcome.id AND event.status = 'processing' AND event.attempts = outcome.attempt
    AND pms.id = event.connection_id
RETURNING pms.slug, CASE outcome.reason WHEN 'unknown_type' THEN 'unknown' ELSE event.type END, event.status
"""


def write_outcomes(outcomes: Mapping[Lease, Outcome]) -> None:
    """Writes what became of leased events; an event that another worker has leased since keeps its status."""
    if not outcomes:
        return
    now = timezone.now()
    rows = [_row(lease, outcome, now) for lease, outcome in outcomes.items()]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [as_array(column) for column in zip(*rows, strict=True)])
        written = Counter(cursor.fetchall())
    transaction.on_commit(partial(_count, written), robust=True)


def _row(lease: Lease, outcome: Outcome, now: datetime) -> tuple[int | str | bool | datetime | None, ...]:
    status, reason, due_at, failures = outcome.status, outcome.reason, None, lease.failures
    if status == PMSEventStatus.DEFERRED:
        if now - lease.received_at > DEFERRED_LIMIT:
            status, reason = PMSEventStatus.DEAD, f"{reason} It did not become known within a day."
        else:
            due_at = now + DEFERRED_RETRY
    elif status == PMSEventStatus.FAILED:
        failures += 1
        if outcome.is_retried_for_ever:
            failures = min(failures, len(RETRY_DELAYS))
        pause = pause_after(failures)
        if pause is None:
            status = PMSEventStatus.DEAD
        else:
            due_at = now + pause
    if status == PMSEventStatus.DEAD:
        named = {"request_id": lease.webhook_id}
        logger.error("The PMS event %s is dead: %s", lease.event_id, reason, extra=named)
    waits_for = (status == PMSEventStatus.DEFERRED and outcome.waits_for) or VariantKey()
    return (
        lease.event_id,
        lease.attempt,
        status.value,
        storable(reason[:MAX_REASON_LENGTH]),
        failures,
        outcome.failed_by_us,
        waits_for.sku_key,
        waits_for.external_id,
        due_at,
    )


def _count(written: Counter[tuple[str, str, str]]) -> None:
    for (connection_slug, type_, status), count in written.items():
        metrics.pms_events_total.labels(connection_slug, type_, status).inc(count)
        if status == PMSEventStatus.DEAD:
            metrics.errors_total.labels(metrics.Layer.SERVICE, "pms_event_dead").inc(count)
