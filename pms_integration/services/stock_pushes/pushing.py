"""Sends pushes: leased in a transaction, sent without one, and the answers applied in another."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone

from pms_backend import metrics
from pms_backend.api import context
from pms_backend.api.arrays import as_array
from pms_backend.api.exceptions import OutcomeUnknown
from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors.contract import ConnectorError, DeltaReport, FigureReport, NotCalled, VariantReference
from pms_integration.connectors.outgoing import StockPush, StockPushResult
from pms_integration.exceptions import UnusableData
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection, PMSStockPush, PMSVariant, StockPushStatus
from pms_integration.services.calls import call_pms
from pms_integration.services.report_validation import validated
from pms_integration.services.retries import LONGEST_CALL_RETRY, pause_after_call
from pms_integration.services.stock_pushes.recording import pushing_kinds
from pms_integration.services.stock_pushes.wake_up import push_wake_up
from pms_integration.services.stock_reports import apply_stock_reports
from pms_integration.services.valid_reports import Reported, StockReport

logger = logging.getLogger(__name__)

# Longer than a call may take, with its wait for the rate budget, and the transaction after it.
LEASE_SECONDS: Final = 40.0
# Further failures are not counted.
MAX_FAILURES: Final = 1_000
DRAIN_SECONDS: Final = 30.0
BATCH_SIZE: Final = 250
# Of pg_advisory locks: one worker leases at a time, so that the pushes of a level keep their order.
LOCK_CLASS: Final = 7_305_018
# A refusal of the call as a whole, whatever it has.
_OF_THE_CALL: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

# A push waits for those before it at its level; one of a location that is not mapped any more waits for its mapping.
# The waiting ones are found once: of thousands at a level, comparing each with each takes minutes.
_DUE: Final = """
FROM pms_integration_pmsstockpush AS due
LEFT JOIN (
    SELECT connection_id, level_id, min(id) AS first_id FROM pms_integration_pmsstockpush
    WHERE status = 'pending' AND due_at > statement_timestamp() GROUP BY connection_id, level_id
) AS waiting ON waiting.connection_id = due.connection_id AND waiting.level_id = due.level_id
WHERE due.status = 'pending' AND due.due_at <= statement_timestamp()
    AND (waiting.first_id IS NULL OR due.id < waiting.first_id)
    AND EXISTS (
        SELECT FROM inventory_stocklevel AS level
        JOIN pms_integration_pmslocation AS mapped ON mapped.location_id = level.location_id
        WHERE level.id = due.level_id AND mapped.connection_id = due.connection_id)
"""
_DUE_CONNECTION: Final = f"""
SELECT due.connection_id {_DUE}
    AND due.connection_id IN (
        SELECT id FROM pms_integration_pmsconnection
        WHERE is_active AND NOT is_paused AND base_url IS NOT NULL AND kind = ANY (%s::text[]))
ORDER BY due.due_at, due.id LIMIT 1
"""
_LEASE: Final = f"""
UPDATE pms_integration_pmsstockpush AS push
SET due_at = clock_timestamp() + %(seconds)s * interval '1 second',
    sku = CASE push.sku WHEN '' THEN variant.sku ELSE push.sku END,
    location_name = CASE push.location_name WHEN '' THEN mapped.external_id ELSE push.location_name END
FROM inventory_stocklevel AS level, products_variant AS variant, pms_integration_pmslocation AS mapped
WHERE level.id = push.level_id AND variant.id = level.variant_id
    AND mapped.location_id = level.location_id AND mapped.connection_id = push.connection_id
    AND push.id IN (
        SELECT due.id {_DUE} AND due.connection_id = %(connection)s
        ORDER BY due.id LIMIT %(limit)s
        FOR NO KEY UPDATE OF due SKIP LOCKED)
RETURNING push.id
"""


def push_due_stock() -> int:
    """Sends due pushes until none is left or `DRAIN_SECONDS` are over; returns how many."""
    return push_wake_up.drain(_push_next, seconds=DRAIN_SECONDS)


def _push_next() -> int:
    pushes = lease_pushes()
    if pushes:
        # A call with several pushes has the request of the first one.
        with context.bind(request_id=_request_id_of(pushes[0])):
            _send(pushes[0].connection, pushes)
    return len(pushes)


@transaction.atomic
def lease_pushes() -> list[PMSStockPush]:
    """Leases the due pushes of a connection, in their order; none if none is due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_CLASS])
        cursor.execute(_DUE_CONNECTION, [as_array(pushing_kinds())])
        row = cursor.fetchone()
        if row is None:
            return []
        cursor.execute(_LEASE, {"seconds": LEASE_SECONDS, "connection": row[0], "limit": BATCH_SIZE})
        ids = [leased for (leased,) in cursor.fetchall()]
    return list(
        PMSStockPush.objects.filter(pk__in=ids).select_related("connection", "level", "movement").order_by("pk")
    )


def _request_id_of(push: PMSStockPush) -> str:
    """That of the movement; a correction without one has that of the task."""
    return (push.movement and push.movement.request_id) or context.current().request_id


def _send(pms: PMSConnection, pushes: Sequence[PMSStockPush]) -> None:
    wanted = _as_pushes(pms, pushes)
    try:
        results = call_pms(
            connection_id=pms.pk, operation=lambda connector, client: connector.push_stock(client, wanted)
        )
    except NotCalled as error:
        pause = LONGEST_CALL_RETRY if error.retry_after is None else timedelta(seconds=error.retry_after)
        _put_off(pms, pushes, pause, is_failure=False)
    except ConnectorError as error:
        _after_error(pms, pushes, error)
    except Exception:
        logger.exception("%s stock pushes to %s could not be sent", len(pushes), pms.slug)
        _put_off(pms, pushes, LONGEST_CALL_RETRY, is_failure=True)
    else:
        _store_or_halve(pms, pushes, results)


def _store_or_halve(pms: PMSConnection, pushes: Sequence[PMSStockPush], results: Sequence[StockPushResult]) -> None:
    """Stores the answers; after an error each half by itself, so that in the end one push costs itself only."""
    try:
        store_results(pms=pms, pushes=pushes, results=results)
    except (OutcomeUnknown, OperationalError, InterfaceError):
        raise
    except Exception:
        if len(pushes) > 1:
            middle = len(pushes) // 2
            _store_or_halve(pms, pushes[:middle], results[:middle])
            _store_or_halve(pms, pushes[middle:], results[middle:])
            return
        logger.exception("The answer to the stock push %s to %s could not be applied", pushes[0].pk, pms.slug)
        _put_off(pms, pushes, LONGEST_CALL_RETRY, is_failure=True)


def _after_error(pms: PMSConnection, pushes: Sequence[PMSStockPush], error: ConnectorError) -> None:
    is_refused = error.permanent and error.status is not None and error.status not in _OF_THE_CALL
    if is_refused and len(pushes) > 1:
        # One of them is refused, and the others with it.
        middle = len(pushes) // 2
        _send(pms, pushes[:middle])
        _send(pms, pushes[middle:])
    elif is_refused:
        reject(push=pushes[0], error=str(error))
    else:
        pause = pause_after_call(error, failures=max(push.failures for push in pushes) + 1)
        logger.warning("%s stock pushes to %s wait: %s", len(pushes), pms.slug, error)
        _put_off(pms, pushes, LONGEST_CALL_RETRY if pause is None else pause, is_failure=True)


def _as_pushes(pms: PMSConnection, pushes: Sequence[PMSStockPush]) -> list[StockPush]:
    variants = {push.level.variant_id for push in pushes}
    known = PMSVariant.objects.filter(connection=pms, variant__in=variants)
    ids = {link.variant_id: (link.external_id, *link.other_ids) for link in known}
    return [
        StockPush(
            idempotency_key=str(push.idempotency_key),
            sku=push.sku,
            external_ids=ids.get(push.level.variant_id, ()),
            location=push.location_name,
            delta=push.delta,
            reason=push.reason,
            reference=push.reference,
            occurred_at=push.occurred_at,
        )
        for push in pushes
    ]


def _put_off(pms: PMSConnection, pushes: Sequence[PMSStockPush], pause: timedelta, *, is_failure: bool) -> None:
    """Lets the leased pushes wait, and with them all that are due for this PMS."""
    until = timezone.now() + pause
    pending = PMSStockPush.objects.filter(status=StockPushStatus.PENDING)
    leased = pending.filter(pk__in=[push.pk for push in pushes])
    if is_failure:
        leased.update(due_at=until, failures=Least(F("failures") + 1, MAX_FAILURES))
    else:
        leased.update(due_at=until)
        pending.filter(connection=pms, due_at__lt=until).update(due_at=until)


@retried_atomic
def store_results(*, pms: PMSConnection, pushes: Sequence[PMSStockPush], results: Sequence[StockPushResult]) -> None:
    """Applies the PMS's answers: acknowledgements, and the figures after them."""
    now = timezone.now()
    reported: list[Reported[StockReport]] = []
    unusable: list[PMSStockPush] = []
    answered = list(zip(pushes, results, strict=True))
    for push, result in answered:
        if result.status == "rejected":
            continue
        try:
            reported += _reports(pms, push, result, now)
        except UnusableData as error:
            logger.error("The answer to the stock push %s to %s: %s", push.pk, pms.slug, error.detail)  # noqa: TRY400
            unusable.append(push)
    with context.bind(actor=f"pms:{pms.slug}", request_id=context.current().request_id, door=context.Door.PMS):
        apply_stock_reports(pms, reported)
    # Pushes are locked after levels.
    for push, result in answered:
        if result.status == "rejected":
            reject(push=push, error=result.code or "rejected")
    if unusable:
        _put_off(pms, unusable, LONGEST_CALL_RETRY, is_failure=True)


def _reports(
    pms: PMSConnection, push: PMSStockPush, result: StockPushResult, now: datetime
) -> list[Reported[StockReport]]:
    variant, name = VariantReference(sku=push.sku), f"push-{push.pk}"
    acknowledgement = DeltaReport(
        variant=variant,
        location=push.location_name,
        delta=push.delta,
        occurred_at=result.occurred_at,
        idempotency_key=result.idempotency_key,
    )
    reports: list[DeltaReport | FigureReport] = [acknowledgement]
    if result.on_hand is not None and result.version is not None:
        reports.append(
            FigureReport(
                variant=variant,
                location=push.location_name,
                on_hand=result.on_hand,
                version=result.version,
                occurred_at=result.occurred_at,
            )
        )
    return [
        Reported(
            message_id=push.pk,
            name=name,
            line=line,
            report=validated(report, received_at=now, slug=pms.slug),  # type: ignore[arg-type]  # of stock
            pulled_at=now,
        )
        for line, report in enumerate(reports)
    ]


@retried_atomic
def reject(*, push: PMSStockPush, error: str) -> None:
    """Ends a push that the PMS refuses: it changes nothing there, and is not sent again."""
    logger.error("The stock push %s of %s is rejected: %s", push.pk, push.sku, error)
    transaction.on_commit(partial(metrics.count_error, metrics.Layer.INTEGRATION, "push_rejected"), robust=True)
    PMSStockPush.objects.filter(pk=push.pk, status=StockPushStatus.PENDING).update(
        status=StockPushStatus.REJECTED, error=storable(error)[:MAX_REASON_LENGTH]
    )
