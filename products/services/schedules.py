"""Publishes and unpublishes products, now or at a scheduled time."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from pms_backend.api import context
from pms_backend.api.batches import run_batches
from pms_backend.api.transactions import retried_atomic
from products.exceptions import (
    InvalidSchedule,
    ProductArchived,
    ProductNotPublished,
    ProductPublished,
    PublishRulesFailed,
)
from products.models import Product, ProductStatus, Variant
from products.services.changes import ProductChange, assign, write
from products.services.plans import set_status
from products.services.products import lock_product, lock_variants
from products.services.publishing import check_rules

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 100


@retried_atomic
def publish_product(
    *,
    product_id: int,
    publish_at: datetime | None = None,
    unpublish_at: datetime | None = None,
    expected_version: int | None = None,
) -> Product:
    """Makes a product active, now or at `publish_at`, until `unpublish_at` if it is given. It is idempotent.

    A `publish_at` in the past means now. The rules are checked now and at that time. The new schedule replaces an
    earlier one.
    Raises `ProductNotFound`, `VersionConflict`, `ProductArchived`, `PublishRulesFailed`, `InvalidSchedule`,
    `ProductPublished` if an active product would be published later.
    """
    change = _locked_change(product_id, expected_version)
    now = timezone.now()
    if unpublish_at is not None and unpublish_at <= max(now, publish_at or now):
        raise InvalidSchedule
    if publish_at is None or publish_at <= now:
        set_status(change, ProductStatus.ACTIVE.value)
        publish_at = None
    elif change.product.status == ProductStatus.ACTIVE:
        raise ProductPublished(_("The product is published already; unpublish it first."))
    else:
        check_rules(change.product, change.current)
    return _write(change, publish_at, unpublish_at)


@retried_atomic
def unpublish_product(
    *, product_id: int, unpublish_at: datetime | None = None, expected_version: int | None = None
) -> Product:
    """Makes an active product a draft, now or at `unpublish_at`; now also cancels the schedule.

    Raises `ProductNotFound`, `VersionConflict`, `ProductArchived`, `InvalidSchedule`, `ProductNotPublished` if a draft
    without `publish_at` would be unpublished later.
    """
    change = _locked_change(product_id, expected_version)
    product = change.product
    if unpublish_at is None or unpublish_at <= timezone.now():
        set_status(change, ProductStatus.DRAFT.value)
        return _write(change, None, None)
    if product.status != ProductStatus.ACTIVE and product.publish_at is None:
        raise ProductNotPublished(_("The product is not published, and not going to be."))
    if product.publish_at is not None and unpublish_at <= product.publish_at:
        raise InvalidSchedule
    return _write(change, product.publish_at, unpublish_at)


@retried_atomic
def schedule_product(*, product_id: int, publish_at: datetime | None, unpublish_at: datetime | None) -> Product:
    """Replaces the schedule of a product; its status changes only for a moment in the past.

    Raises the errors of `publish_product` and `unpublish_product`.
    """
    is_active = lock_product(product_id).status == ProductStatus.ACTIVE
    if publish_at is not None or (is_active and unpublish_at is None):
        return publish_product(product_id=product_id, publish_at=publish_at, unpublish_at=unpublish_at)
    return unpublish_product(product_id=product_id, unpublish_at=unpublish_at)


def publish_due_products() -> int:
    """Publishes and unpublishes due products as `system`, one batch per transaction; returns their number.

    A product that fails a rule stays a draft, and its schedule is cleared. A locked product is left to the next run.
    """
    now = timezone.now()
    to_publish = Q(status=ProductStatus.DRAFT, publish_at__lte=now)
    to_unpublish = Q(status=ProductStatus.ACTIVE, unpublish_at__lte=now)
    with context.bind(request_id=context.current().request_id, door=context.Door.SCHEDULE):
        return run_batches(lambda: _apply_batch(to_publish, _publish_due)) + run_batches(
            lambda: _apply_batch(to_unpublish, _unpublish_due)
        )


@retried_atomic
def _apply_batch(due: Q, apply: Callable[[ProductChange], None]) -> int:
    locked = Product.objects.filter(due).select_related("category").order_by("pk")
    products = list(locked.select_for_update(of=("self",), no_key=True, skip_locked=True)[:BATCH_SIZE])
    variants: dict[int, list[Variant]] = {product.pk: [] for product in products}
    for variant in lock_variants(list(variants)):
        variants[variant.product_id].append(variant)
    changes = [ProductChange(product, variants[product.pk], product.status) for product in products]
    for change in changes:
        apply(change)
    write(changes)
    return len(changes)


def _publish_due(change: ProductChange) -> None:
    unpublish_at = change.product.unpublish_at
    try:
        set_status(change, ProductStatus.ACTIVE.value)
        change.product.unpublish_at = unpublish_at
    except PublishRulesFailed as refusal:
        logger.warning("Product %s was due to be published, but stays a draft: %s", change.product.pk, refusal)
        change.is_edited = assign(change.product, {"publish_at": None, "unpublish_at": None})


def _unpublish_due(change: ProductChange) -> None:
    set_status(change, ProductStatus.DRAFT.value)


def _locked_change(product_id: int, expected_version: int | None) -> ProductChange:
    product = lock_product(product_id, expected_version)
    if product.status == ProductStatus.ARCHIVED:
        raise ProductArchived(_("The product is archived; restore it first."))
    return ProductChange(product, lock_variants([product_id]), product.status)


def _write(change: ProductChange, publish_at: datetime | None, unpublish_at: datetime | None) -> Product:
    is_rescheduled = assign(change.product, {"publish_at": publish_at, "unpublish_at": unpublish_at})
    # A change of status that begins or ends a schedule has an event of its own, without `product.updated`.
    change.is_edited = is_rescheduled and change.product.status == change.status_before
    write([change])
    return change.product
