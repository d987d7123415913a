"""What a bulk change of products would do: rows for `upsert_products`, which are previewed by the service itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.api.bulk import REJECTED, Outcome
from products import services
from products.exceptions import VersionConflict
from products.models import PRICE_DECIMALS, PRICE_DIGITS, Product, ProductStatus, Variant
from products.price_changes import PriceChange
from products.price_checks import is_large_change

PRICES: Final = {"price": gettext_lazy("Price"), "compare_at_price": gettext_lazy("Compare-at price")}
MAX_PRICE: Final = Decimal(10) ** (PRICE_DIGITS - PRICE_DECIMALS)
Row = tuple[int, dict[str, Any]]


class StatusChange(TextChoices):
    """What is done to the status of many products."""

    PUBLISH = "publish", gettext_lazy("Publish")
    UNPUBLISH = "unpublish", gettext_lazy("Unpublish: make drafts")
    ARCHIVE = "archive", gettext_lazy("Archive")
    RESTORE = "restore", gettext_lazy("Restore: make archived products drafts")


_STATUS_AFTER: Final = {
    StatusChange.PUBLISH: ProductStatus.ACTIVE,
    StatusChange.UNPUBLISH: ProductStatus.DRAFT,
    StatusChange.ARCHIVE: ProductStatus.ARCHIVED,
    StatusChange.RESTORE: ProductStatus.DRAFT,
}


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A value of a product, or of a variant of it, before and after."""

    product: Product
    before: Any
    after: Any
    field: str = "status"
    variant: Variant | None = None

    @property
    def is_large(self) -> bool:
        """Whether a price changes by more than half."""
        return self.variant is not None and is_large_change(self.before, self.after)


@dataclass(frozen=True, slots=True)
class Unchanged:
    """What stays as it is, and why."""

    product: Product
    reason: str
    variant: Variant | None = None
    field: str = ""


@dataclass(slots=True)
class BulkPlan:
    """The rows to apply, what they change, and what stays as it is."""

    rows: list[Row] = field(default_factory=list)
    changes: list[PlannedChange] = field(default_factory=list)
    unchanged: list[Unchanged] = field(default_factory=list)


def plan_prices(products: Sequence[Product], fields: Sequence[str], change: PriceChange) -> BulkPlan:
    """The change of these prices of the current variants."""
    plan = BulkPlan()
    variants = _current_variants(products)
    for index, product in enumerate(products):
        if product.status == ProductStatus.ARCHIVED:
            plan.unchanged.append(Unchanged(product, _("It is archived.")))
            continue
        changes = [
            found
            for variant in variants[product.pk]
            for found in (_price_of(product, variant, name, change) for name in fields)
        ]
        plan.unchanged += [one for one in changes if isinstance(one, Unchanged)]
        changed = [one for one in changes if isinstance(one, PlannedChange)]
        plan.changes += changed
        if changed:
            plan.rows.append(_row(index, product, variants=_values_by_variant(changed)))
    return _previewed(plan)


def plan_status(products: Sequence[Product], wanted: StatusChange) -> BulkPlan:
    """The change of the products' status."""
    plan = BulkPlan()
    status = _STATUS_AFTER[wanted]
    restores = wanted == StatusChange.RESTORE
    for index, product in enumerate(products):
        if restores and product.status != ProductStatus.ARCHIVED:
            plan.unchanged.append(Unchanged(product, _("It is not archived.")))
        elif product.status == status:
            text = _("It has the status “%(status)s” already.")
            plan.unchanged.append(Unchanged(product, text % {"status": status.label}))
        else:
            plan.changes.append(PlannedChange(product, product.get_status_display(), status.label))
            plan.rows.append(_row(index, product, status=status.value, restores=restores))
    return _previewed(plan)


def reason_of(outcome: Outcome) -> str:
    """Why a row was refused, in words."""
    if isinstance(outcome.error, VersionConflict):
        return _("It was changed since the preview.")
    return " ".join(error.detail for error in outcome.errors)


def _current_variants(products: Iterable[Product]) -> dict[int, list[Variant]]:
    found: dict[int, list[Variant]] = {product.pk: [] for product in products}
    for variant in Variant.objects.filter(product__in=found, is_archived=False).order_by("position", "pk"):
        found[variant.product_id].append(variant)
    return found


def _price_of(product: Product, variant: Variant, name: str, change: PriceChange) -> PlannedChange | Unchanged:
    before = getattr(variant, name)
    after = change.applied_to(before)
    reason = _why_not(before, after)
    if after is None or reason:
        return Unchanged(product, reason, variant, name)
    return PlannedChange(product, before, after, name, variant)


def _why_not(before: Decimal | None, after: Decimal | None) -> str:
    """Why a price stays as it is; empty if it changes."""
    if after is None:
        return _("There is none.")
    if after < 0:
        return _("It would be below zero.")
    if after >= MAX_PRICE:
        return _("It would be too large.")
    return _("It is that already.") if after == before else ""


def _values_by_variant(changes: Iterable[PlannedChange]) -> list[dict[str, Any]]:
    values: dict[int, dict[str, Any]] = {}
    for one in changes:
        if one.variant is not None:
            values.setdefault(one.variant.pk, {"id": one.variant.pk})[one.field] = one.after
    return list(values.values())


def _row(index: int, product: Product, **values: Any) -> Row:
    return index, {"id": product.pk, "expected_version": product.version, **values}


def _previewed(plan: BulkPlan) -> BulkPlan:
    """The plan without the rows that the service would refuse now."""
    outcomes = services.preview_products(rows=plan.rows) if plan.rows else []
    refused: Mapping[int, str] = {one.index: reason_of(one) for one in outcomes if one.status == REJECTED}
    if not refused:
        return plan
    products = {one.product.pk: one.product for one in plan.changes}
    reasons = {data["id"]: refused[index] for index, data in plan.rows if index in refused}
    return BulkPlan(
        [row for row in plan.rows if row[0] not in refused],
        [one for one in plan.changes if one.product.pk not in reasons],
        [*(Unchanged(products[pk], reason) for pk, reason in reasons.items()), *plan.unchanged],
    )
