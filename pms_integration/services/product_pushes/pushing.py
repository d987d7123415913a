"""Sends pushes of products: worked out and stored in a transaction, sent without one, the answer applied in another.

What is sent is stored first, with its key. Until its answer is known it is sent again as it is, so that the PMS makes
it once, and what became of it is learnt and not guessed.
"""

import logging
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Final

from django.db import transaction
from django.utils import timezone

from pms_backend import metrics
from pms_backend.api import context
from pms_backend.api.exceptions import DomainError
from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors.contract import ConnectorError, NotCalled, VersionMoved
from pms_integration.connectors.outgoing import OutgoingConnector, PMSClient
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection, PMSProductPush
from pms_integration.services.calls import call_pms
from pms_integration.services.product_pushes.answers import (
    AnswerUnusable,
    PushAnswer,
    clear_request,
    one_more,
    store_answer,
    store_external_id,
)
from pms_integration.services.product_pushes.leases import (
    LeaseLost,
    PushLease,
    lease_push,
    lock_product,
    lock_push,
    put_off,
)
from pms_integration.services.product_pushes.preparing import PreparedPush, prepare
from pms_integration.services.product_pushes.wake_up import product_push_wake_up
from pms_integration.services.retries import LONGEST_CALL_RETRY, pause_after_call

logger = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 30.0
# With these answers the PMS has not looked at the request: it asks to wait.
_NOT_TRIED: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
# Refusals of the call as a whole, whatever it has.
_OF_THE_CALL: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def push_due_products() -> int:
    """Sends due pushes until none is left or `DRAIN_SECONDS` are over; returns how many were looked at."""
    return product_push_wake_up.drain(_push_next, seconds=DRAIN_SECONDS)


def _push_next() -> int:
    lease = lease_push()
    if lease is None:
        return 0
    with context.bind(request_id=f"product-push-{lease.push_id}"):
        _push_leased(lease)
    return 1


def _push_leased(lease: PushLease) -> None:
    try:
        _push(lease)
    except DomainError as error:
        # The catalogue refuses what the PMS owns, such as a handle that another product has.
        refuse(lease=lease, error=error.detail)
    except LeaseLost:
        logger.info("The product push %s is not leased any more", lease.push_id)
    except Exception as error:
        logger.exception("The product push %s has failed", lease.push_id)
        _fail(lease=lease, error=str(error) or type(error).__name__, pause=LONGEST_CALL_RETRY)


def _push(lease: PushLease) -> None:
    prepared = prepare(lease=lease)
    if prepared is None:
        return
    try:
        answer = call_pms(connection_id=prepared.connection_id, operation=partial(_send, prepared))
    except NotCalled as error:
        if error.permanent and PMSConnection.objects.filter(pk=prepared.connection_id).called().exists():
            # This request cannot be sent.
            refuse(lease=lease, error=str(error))
            return
        pause = LONGEST_CALL_RETRY if error.retry_after is None else timedelta(seconds=error.retry_after)
        release(lease=lease)
        put_off(connection_id=prepared.connection_id, pause=pause)
    except ConnectorError as error:
        is_refusal = error.permanent and error.status not in _OF_THE_CALL
        if is_refusal and (error.status is not None or prepared.request.external_id is not None):
            refuse(lease=lease, error=str(error))
            return
        # Without a status the PMS may have made the product: its key is kept.
        _retry(lease, error)
        if error.status in _OF_THE_CALL:
            put_off(connection_id=prepared.connection_id, pause=LONGEST_CALL_RETRY)
    else:
        _store(prepared, answer)


def _store(prepared: PreparedPush, answer: PushAnswer) -> None:
    """Stores the answer; what cannot be applied here would not be the next time either."""
    try:
        if prepared.request.external_id is None:
            store_external_id(lease=prepared.lease, report=answer.report)
        store_answer(prepared=prepared, answer=answer)
    except AnswerUnusable as error:
        refuse(lease=prepared.lease, error=str(error))


def _send(prepared: PreparedPush, connector: OutgoingConnector, client: PMSClient) -> PushAnswer:
    external_id = prepared.request.external_id
    try:
        if prepared.asks and external_id is not None:
            return PushAnswer(connector.get_product(client, external_id), is_taken=False, moment=client.moment)
        return PushAnswer(connector.push_product(client, prepared.request), is_taken=True, moment=client.moment)
    except ConnectorError as error:
        if external_id is None or not (isinstance(error, VersionMoved) or error.status == HTTPStatus.NOT_FOUND):
            raise
        return PushAnswer(connector.get_product(client, external_id), is_taken=False, moment=client.moment)


def _retry(lease: PushLease, error: ConnectorError) -> None:
    push = PMSProductPush.objects.filter(pk=lease.push_id).first()
    failures = 1 if push is None else push.failures + 1
    pause = pause_after_call(error, failures=failures)
    logger.warning("The product push %s waits: %s", lease.push_id, error)
    pause = LONGEST_CALL_RETRY if pause is None else pause
    _fail(lease=lease, error=str(error), pause=pause, was_tried=error.status not in _NOT_TRIED)


@retried_atomic
def _fail(*, lease: PushLease, error: str, pause: timedelta, was_tried: bool = True) -> None:
    held = PMSProductPush.objects.filter(pk=lease.push_id, leased_until=lease.leased_until)
    for push in held.select_for_update(no_key=True):
        push.leased_until, push.failures = None, one_more(push.failures)
        push.error, push.due_at = storable(error)[:MAX_REASON_LENGTH], timezone.now() + pause
        if not was_tried and push.attempts:
            push.attempts -= 1
        push.save(update_fields=["leased_until", "failures", "error", "due_at", "attempts"])


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
    transaction.on_commit(partial(metrics.count_error, metrics.Layer.INTEGRATION, "push_rejected"), robust=True)
    row = lock_product(lease)
    push = lock_push(lease)
    is_there = push.creates and row.external_id is not None
    clear_request(push)
    push.error = storable(error)[:MAX_REASON_LENGTH] or "refused"
    # What was to be made is there meanwhile, so that the next request changes it.
    push.due_at = timezone.now() if is_there else None
    push.save()
