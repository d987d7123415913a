"""Writes what came of attempts: the deliveries, the log, and the health of the endpoints, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from pms_backend import metrics
from pms_backend.api.arrays import as_array
from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import retried_atomic
from webhooks.models import MAX_REASON_LENGTH, DeliveryStatus
from webhooks.schedule import pause_after
from webhooks.services.attempts import Attempt, NotSent
from webhooks.services.health import store_health

_SETTLE: Final = """
UPDATE webhooks_delivery AS delivery
SET status = result.status, tries = result.tries, next_attempt_at = result.next_attempt_at
FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::int[], %s::timestamptz[])
    AS result(id, leased_until, status, tries, next_attempt_at)
WHERE delivery.id = result.id AND delivery.status = 'sending' AND delivery.next_attempt_at = result.leased_until
"""
_LOG: Final = """
INSERT INTO webhooks_deliveryattempt (delivery_id, at, ms, status, answer, error, endpoint_id)
SELECT attempt.*, delivery.endpoint_id
FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::int[], %s::text[], %s::text[])
    AS attempt(delivery_id, at, ms, status, answer, error)
JOIN webhooks_delivery AS delivery ON delivery.id = attempt.delivery_id
"""


@retried_atomic
def store_results(*, attempts: Sequence[Attempt], not_sent: Sequence[NotSent], unhealthy: frozenset[int]) -> None:
    """Writes attempts, and ends the leases of what was not sent.

    `unhealthy` are the endpoints that had failed when their deliveries were leased: a success makes them healthy.
    """
    now = timezone.now()
    store_health(attempts, unhealthy, now)
    rows = [_row(attempt, now) for attempt in attempts]
    rows += [
        (one.delivery.id, one.delivery.leased_until, DeliveryStatus.PENDING.value, one.delivery.tries, now + one.wait)
        for one in not_sent
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, [as_array(column) for column in zip(*rows, strict=True)])
        if attempts:
            logged = [_logged(attempt) for attempt in attempts]
            cursor.execute(_LOG, [as_array(column) for column in zip(*logged, strict=True)])
    transaction.on_commit(partial(_count, attempts), robust=True)


def _count(attempts: Sequence[Attempt]) -> None:
    for attempt in attempts:
        metrics.deliveries_total.labels("ok" if attempt.is_success else "failed").inc()
        if not attempt.is_success:
            metrics.count_error(metrics.Layer.INTEGRATION, "delivery_failed")


def _row(attempt: Attempt, now: datetime) -> tuple[int, datetime, str, int, datetime | None]:
    delivery, tries = attempt.delivery, attempt.delivery.tries + 1
    status, next_attempt_at = DeliveryStatus.DELIVERED, None
    if not attempt.is_success:
        wait = None if attempt.retry_after is None else attempt.retry_after.total_seconds()
        pause = None if attempt.is_final else pause_after(tries, wait)
        status = DeliveryStatus.FAILED if pause is None else DeliveryStatus.PENDING
        next_attempt_at = None if pause is None else now + pause
    return delivery.id, delivery.leased_until, status.value, tries, next_attempt_at


def _logged(attempt: Attempt) -> tuple[int, datetime, int, int | None, str, str]:
    answer, error = storable(attempt.answer), storable(attempt.error)[:MAX_REASON_LENGTH]
    return attempt.delivery.id, attempt.at, attempt.ms, attempt.status, answer, error
