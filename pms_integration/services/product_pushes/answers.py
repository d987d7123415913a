"""Applies what a PMS answers to a push of a product, and ends the push."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from pms_backend.api import context
from pms_backend.api.storable_text import is_storable
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors.contract import Report
from pms_integration.models import MAX_EXTERNAL_ID_LENGTH, PMSConnection, PMSEventStatus, PMSProduct, PMSProductPush
from pms_integration.services.answers import checked_reports
from pms_integration.services.product_pushes.leases import PushLease, lock_product, lock_push
from pms_integration.services.product_pushes.preparing import PreparedPush
from pms_integration.services.product_pushes.recording import NO_REQUEST
from pms_integration.services.product_reports import apply_product_reports, lock_external_products
from pms_integration.services.retries import LONGEST_CALL_RETRY
from pms_integration.services.valid_reports import ExternalProduct, of_kind

# Further failures are not counted.
MAX_FAILURES: Final = 1_000


class AnswerUnusable(Exception):
    """The PMS has answered something that cannot be applied; the message says why."""


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What the PMS has of the product, and whether it has taken the push; `moment` is its clock."""

    report: Report
    is_taken: bool
    moment: datetime | None


@retried_atomic
def store_answer(*, prepared: PreparedPush, answer: PushAnswer) -> None:
    """Applies what the PMS has of the product, and ends the push, unless it was requested again. Raises `LeaseLost`."""
    row = lock_product(prepared.lease)
    push = PMSProductPush.objects.get(pk=prepared.lease.push_id)
    if not answer.is_taken:
        # It has changed nothing there.
        PMSProductPush.objects.filter(pk=push.pk).update(**NO_REQUEST)
    _apply(row, answer, push if answer.is_taken else None)
    if answer.is_taken:
        PMSProduct.objects.filter(pk=row.pk).update(pushed_at=timezone.now())
    push = lock_push(prepared.lease)
    clear_request(push)
    push.error = ""
    has_moved = PMSProduct.objects.filter(pk=row.pk).exclude(version=prepared.request.version).exists()
    if answer.is_taken and push.requested_at == prepared.requested_at:
        push.delete()
        return
    if answer.is_taken or has_moved or prepared.asks:
        push.failures, push.due_at = 0, timezone.now()
    else:
        # It says that the version is not the last one, and has no other.
        push.failures, push.due_at = one_more(push.failures), timezone.now() + LONGEST_CALL_RETRY
    push.save()


def _apply(row: PMSProduct, answer: PushAnswer, answered: PMSProductPush | None) -> None:
    pms, now = row.connection, timezone.now()
    name = f"product-push-{row.pk}-{now:%Y%m%dT%H%M%S.%f}"
    valid, unusable = checked_reports(
        [(0, answer.report)], slug=pms.slug, name=name, moment=answer.moment, pulled_at=now
    )
    products = of_kind(valid, ExternalProduct)
    if unusable or not products:
        raise AnswerUnusable("; ".join(one.error.detail for one in unusable) or "The PMS has answered no product.")
    with context.bind(actor=f"pms:{pms.slug}", request_id=name, door=context.Door.PMS):
        outcomes = apply_product_reports(pms, products, answered=answered)
    failed = [outcome.reason for _, outcome in outcomes if outcome.status not in _APPLIED]
    if failed:
        raise AnswerUnusable(failed[0])


_APPLIED: Final = (PMSEventStatus.PROCESSED, PMSEventStatus.IGNORED)


@retried_atomic
def store_external_id(*, lease: PushLease, report: Report) -> None:
    """Links the product that was made there, whatever else its answer has. Raises `LeaseLost`, `AnswerUnusable`.

    One that was told of before, and could not be matched, gives way.
    """
    external_id = str(getattr(report, "external_id", ""))
    if not 0 < len(external_id) <= MAX_EXTERNAL_ID_LENGTH or not is_storable(external_id):
        raise AnswerUnusable("The PMS has answered no id of the product.")
    pms = PMSConnection.objects.get(products__push=lease.push_id)
    # Before the row that waits to be made: whoever applies a report of the product locks them in this order.
    lock_external_products(pms, [external_id])
    row = lock_product(lease)
    if row.external_id is not None:
        return
    others = PMSProduct.objects.filter(connection=row.connection_id, external_id=external_id)
    other = others.select_for_update(no_key=True).first()
    if other is not None and other.product_id is not None:
        raise AnswerUnusable(f"The PMS has made the product {external_id}, which is linked to another one of ours.")
    if other is not None:
        other.delete()
    row.external_id = external_id
    row.save(update_fields=["external_id"])


def clear_request(push: PMSProductPush) -> None:
    """Forgets the request, and ends the lease, in memory."""
    for name, value in NO_REQUEST.items():
        setattr(push, name, value)
    push.leased_until = None


def one_more(failures: int) -> int:
    """The failures after one more."""
    return min(failures + 1, MAX_FAILURES)
