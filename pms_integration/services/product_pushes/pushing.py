"""Sends pushes of products: worked out and stored in a transaction, sent without one, the answer applied in another.

What is sent is stored first, with its key. Until its answer is known it is sent again as it is, so that the PMS makes
it once, and what became of it is learnt and not guessed.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from django.utils import timezone

from pms_backend.api import context
from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import ConnectorError, NotCalled, Report, VersionMoved
from pms_integration.connectors.outgoing import OutgoingConnector, PMSClient, ProductPush
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection, PMSEventStatus, PMSProduct, PMSProductPush
from pms_integration.services.answers import checked_reports
from pms_integration.services.calls import call_pms
from pms_integration.services.categories import names_of_categories
from pms_integration.services.product_pushes.leases import (
    LeaseLost,
    PushLease,
    lease_push,
    lock_product,
    lock_push,
    put_off,
)
from pms_integration.services.product_pushes.payloads import changed_payload, new_payload
from pms_integration.services.product_pushes.wake_up import product_push_wake_up
from pms_integration.services.product_reports import apply_product_reports
from pms_integration.services.product_values import values_of_products
from pms_integration.services.product_writing import LinkedProduct, write_linked
from pms_integration.services.retries import LONGEST_CALL_RETRY, pause_after_call
from pms_integration.services.valid_reports import ExternalProduct, of_kind
from products.models import ProductStatus

logger = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 30.0
# Further failures are not counted.
MAX_FAILURES: Final = 1_000
# Refusals of the call as a whole, whatever it has.
_OF_THE_CALL: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class _AnswerUnusable(Exception):
    """The PMS has answered something that cannot be applied; the message says why."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A request that is stored: how often it was sent, this time included, and when the push was requested last.

    `asks`: the PMS's version is not known, so that it is asked for first.
    """

    lease: PushLease
    connection_id: int
    request: ProductPush
    requested_at: datetime
    asks: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the PMS has of the product, and whether it has taken the push; `moment` is its clock."""

    report: Report
    is_taken: bool
    moment: datetime | None


def push_due_products() -> int:
    """Sends due pushes until none is left or `DRAIN_SECONDS` are over; returns how many were looked at."""
    return product_push_wake_up.drain(_push_next, seconds=DRAIN_SECONDS)


def _push_next() -> int:
    lease = lease_push()
    if lease is None:
        return 0
    try:
        _push(lease)
    except LeaseLost:
        logger.info("The product push %s is not leased any more", lease.push_id)
    except Exception as error:
        logger.exception("The product push %s has failed", lease.push_id)
        _fail(lease=lease, error=str(error) or type(error).__name__, pause=LONGEST_CALL_RETRY)
    return 1


def _push(lease: PushLease) -> None:
    prepared = prepare(lease=lease)
    if prepared is None:
        return
    try:
        answer = call_pms(connection_id=prepared.connection_id, operation=partial(_send, prepared))
    except NotCalled as error:
        pause = LONGEST_CALL_RETRY if error.retry_after is None else timedelta(seconds=error.retry_after)
        release(lease=lease)
        put_off(connection_id=prepared.connection_id, pause=pause)
    except ConnectorError as error:
        if error.permanent and error.status not in _OF_THE_CALL:
            refuse(lease=lease, error=str(error))
        else:
            _retry(lease, error)
    else:
        store_answer(prepared=prepared, answer=answer)


def _send(prepared: _Prepared, connector: OutgoingConnector, client: PMSClient) -> _Answer:
    external_id = prepared.request.external_id
    try:
        if prepared.asks and external_id is not None:
            return _Answer(connector.get_product(client, external_id), is_taken=False, moment=client.moment)
        return _Answer(connector.push_product(client, prepared.request), is_taken=True, moment=client.moment)
    except ConnectorError as error:
        if external_id is None or not (isinstance(error, VersionMoved) or error.status == HTTPStatus.NOT_FOUND):
            raise
        return _Answer(connector.get_product(client, external_id), is_taken=False, moment=client.moment)


@retried_atomic
def prepare(*, lease: PushLease) -> _Prepared | None:
    """Stores the request that is sent; None, and the push ends, if there is nothing to tell. Raises `LeaseLost`."""
    row = lock_product(lease)
    if not PMSProductPush.objects.filter(pk=lease.push_id, idempotency_key__isnull=False).exists():
        found = _request_of(row)
        push = lock_push(lease)
        if found is None:
            push.delete()
            if row.external_id is None:
                row.delete()
            return None
        push.payload, push.sent = found
        push.idempotency_key, push.creates, push.version = uuid.uuid4(), row.external_id is None, row.version
        push.attempts = 0
    else:
        push = lock_push(lease)
    push.attempts += 1
    push.save()
    return _Prepared(
        lease=lease,
        connection_id=row.connection_id,
        request=ProductPush(
            idempotency_key=str(push.idempotency_key),
            external_id=None if push.creates else row.external_id,
            version=push.version,
            payload=push.payload or {},
        ),
        requested_at=push.requested_at,
        asks=not push.creates and push.version is None and _has_versions(row.connection),
    )


def _has_versions(pms: PMSConnection) -> bool:
    connector = CONNECTORS.get(pms.kind)
    return connector is not None and connector.capabilities.product_version is not None


def _request_of(row: PMSProduct) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The payload, and the pairs of the fields that it changes; None if there is nothing to tell.

    What the PMS owns and was changed here is undone. A product whose report could not be matched waits for a decision.
    """
    if row.product_id is None or row.is_deleted or row.match_problem:
        return None
    pms = row.connection
    if row.external_id is None:
        ours = values_of_products([row.product_id])[row.product_id]
        if ours["status"] == ProductStatus.ARCHIVED:
            return None
        return new_payload(ours, names_of_categories(pms)), _pairs(ours)
    linked, conflict = LinkedProduct(row=row, request_id=f"product-push-{row.pk}"), row.conflict
    with context.bind(actor=f"pms:{pms.slug}", request_id=linked.request_id):
        write_linked(pms, [linked])
    if linked.error is not None:
        raise linked.error
    if row.conflict != conflict:
        row.reason = linked.reason
    row.save()
    merged = linked.merged
    if not merged.is_pushed:
        return None
    return changed_payload(row.payload, merged.push, merged.removed, names_of_categories(pms)), _pairs(merged.push)


def _pairs(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [value, value] for name, value in values.items()}


@retried_atomic
def store_answer(*, prepared: _Prepared, answer: _Answer) -> None:
    """Applies what the PMS has of the product, and ends the push, unless it was requested again. Raises `LeaseLost`."""
    row = lock_product(prepared.lease)
    push = PMSProductPush.objects.get(pk=prepared.lease.push_id)
    if not answer.is_taken:
        # It has changed nothing there.
        PMSProductPush.objects.filter(pk=push.pk).update(**_NO_REQUEST)
    _apply(row, answer, push if answer.is_taken else None)
    if answer.is_taken:
        PMSProduct.objects.filter(pk=row.pk).update(pushed_at=timezone.now())
    push = lock_push(prepared.lease)
    _clear(push)
    push.error = ""
    has_moved = PMSProduct.objects.filter(pk=row.pk).exclude(version=prepared.request.version).exists()
    if answer.is_taken and push.requested_at == prepared.requested_at:
        push.delete()
        return
    if answer.is_taken or has_moved or prepared.asks:
        push.failures, push.due_at = 0, timezone.now()
    else:
        # It says that the version is not the last one, and has no other.
        push.failures, push.due_at = _one_more(push.failures), timezone.now() + LONGEST_CALL_RETRY
    push.save()


def _apply(row: PMSProduct, answer: _Answer, answered: PMSProductPush | None) -> None:
    pms, now = row.connection, timezone.now()
    name = f"product-push-{row.pk}-{now:%Y%m%dT%H%M%S.%f}"
    valid, unusable = checked_reports(
        [(0, answer.report)], slug=pms.slug, name=name, moment=answer.moment, pulled_at=now
    )
    products = of_kind(valid, ExternalProduct)
    if unusable or not products:
        raise _AnswerUnusable("; ".join(one.error.detail for one in unusable) or "The PMS has answered no product.")
    if row.external_id is None:
        _set_external_id(row, products[0].report.external_id)
    with context.bind(actor=f"pms:{pms.slug}", request_id=name):
        outcomes = apply_product_reports(pms, products, answered=answered)
    failed = [outcome.reason for _, outcome in outcomes if outcome.status not in _APPLIED]
    if failed:
        raise _AnswerUnusable(failed[0])


_APPLIED: Final = (PMSEventStatus.PROCESSED, PMSEventStatus.IGNORED)


def _set_external_id(row: PMSProduct, external_id: str) -> None:
    """Links the product that was made there; one that was told of before, and could not be matched, gives way."""
    others = PMSProduct.objects.filter(connection=row.connection_id, external_id=external_id)
    other = others.select_for_update(no_key=True).first()
    if other is not None and other.product_id is not None:
        raise _AnswerUnusable(f"The PMS has made the product {external_id}, which is linked to another one of ours.")
    if other is not None:
        other.delete()
    row.external_id = external_id
    row.save(update_fields=["external_id"])


# A push without a request whose answer is awaited.
_NO_REQUEST: Final[dict[str, Any]] = {
    "idempotency_key": None,
    "payload": None,
    "creates": False,
    "version": None,
    "sent": {},
    "attempts": 0,
}


def _clear(push: PMSProductPush) -> None:
    for name, value in _NO_REQUEST.items():
        setattr(push, name, value)
    push.leased_until = None


def _retry(lease: PushLease, error: ConnectorError) -> None:
    push = PMSProductPush.objects.filter(pk=lease.push_id).first()
    failures = 1 if push is None else push.failures + 1
    pause = pause_after_call(error, failures=failures)
    logger.warning("The product push %s waits: %s", lease.push_id, error)
    _fail(lease=lease, error=str(error), pause=LONGEST_CALL_RETRY if pause is None else pause)


@retried_atomic
def _fail(*, lease: PushLease, error: str, pause: timedelta) -> None:
    held = PMSProductPush.objects.filter(pk=lease.push_id, leased_until=lease.leased_until)
    for push in held.select_for_update(no_key=True):
        push.leased_until, push.failures = None, _one_more(push.failures)
        push.error, push.due_at = storable(error)[:MAX_REASON_LENGTH], timezone.now() + pause
        push.save(update_fields=["leased_until", "failures", "error", "due_at"])


@retried_atomic
def release(*, lease: PushLease) -> None:
    """Ends the lease of a push that was not sent, and stays due. Raises `LeaseLost`."""
    push = lock_push(lease)
    push.leased_until = None
    push.attempts -= 1
    push.save(update_fields=["leased_until", "attempts"])


@retried_atomic
def refuse(*, lease: PushLease, error: str) -> None:
    """Ends a push that the PMS refuses: it changes nothing there, and waits for the next change. Raises `LeaseLost`."""
    logger.error("The product push %s is refused: %s", lease.push_id, error)
    push = lock_push(lease)
    _clear(push)
    push.due_at, push.error = None, storable(error)[:MAX_REASON_LENGTH] or "refused"
    push.save()


def _one_more(failures: int) -> int:
    return min(failures + 1, MAX_FAILURES)
