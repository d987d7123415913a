"""A product's change: worked out in memory, then written for many products in a constant number of statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from pms_backend.api.exceptions import constraint
from pms_backend.events import services as outbox
from products import events
from products.exceptions import CategoryNotFound, HandleTaken, SkuTaken, UnknownVariant
from products.images.shown import images_by_product
from products.models import Category, Product, ProductStatus, Variant
from products.representation import represent_product
from products.services.handles import free_handles
from products.services.publishing import check_rules
from products.skus import sku_key

PRODUCT_FIELDS: Final = ("name", "description", "brand", "tags", "options", "handle")
VARIANT_FIELDS: Final = (
    "sku", "barcode", "name", "price", "currency", "compare_at_price", "cost", "weight_grams", "options", "position",
)  # fmt: skip

_OF_TRANSITION: Final[dict[tuple[str, str], type[events.ProductFact]]] = {
    (ProductStatus.DRAFT, ProductStatus.ACTIVE): events.ProductPublished,
    (ProductStatus.ACTIVE, ProductStatus.DRAFT): events.ProductUnpublished,
    (ProductStatus.DRAFT, ProductStatus.ARCHIVED): events.ProductArchived,
    (ProductStatus.ACTIVE, ProductStatus.ARCHIVED): events.ProductArchived,
    (ProductStatus.ARCHIVED, ProductStatus.DRAFT): events.ProductRestored,
    (ProductStatus.ARCHIVED, ProductStatus.ACTIVE): events.ProductPublished,
}


@dataclass(slots=True)
class ProductChange:
    """One product on its way into the database, with what has become of it."""

    product: Product
    variants: list[Variant]
    status_before: str | None = None
    new_variants: list[Variant] = field(default_factory=list)
    changed_variants: list[Variant] = field(default_factory=list)
    is_edited: bool = False

    @property
    def is_new(self) -> bool:
        """Whether the product is not in the database yet."""
        return self.status_before is None

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return self.is_new or self.is_edited or self.product.status != self.status_before


def plan_creation(data: dict[str, Any], categories: dict[str, Category]) -> ProductChange:
    """The change that makes a product of validated input. Raises `PublishRulesFailed`, `CategoryNotFound`."""
    change = ProductChange(Product(status=ProductStatus.DRAFT, handle=""), [])
    _edit(change, data, categories)
    return change


def plan_update(
    product: Product, variants: Sequence[Variant], data: dict[str, Any], categories: dict[str, Category]
) -> ProductChange:
    """The change that merges validated input into a locked product; what is left out stays as it is.

    Raises `PublishRulesFailed`, `CategoryNotFound`.
    """
    change = ProductChange(product, list(variants), status_before=product.status)
    _edit(change, data, categories)
    return change


def _edit(change: ProductChange, data: dict[str, Any], categories: dict[str, Category]) -> None:
    product = change.product
    change.is_edited |= _assign(product, {name: data[name] for name in PRODUCT_FIELDS if name in data})
    if "attributes" in data:
        merged = merge_patch(product.attributes, data["attributes"])
        change.is_edited |= _assign(product, {"attributes": merged})
    if "category" in data:
        change.is_edited |= _assign(product, {"category_id": _category_id(data["category"], categories)})
        product.category = categories.get(data["category"] or "")
    for wanted in data.get("variants", ()):
        _edit_variant(change, wanted)
    if "status" in data:
        product.status = data["status"]
    if product.status == ProductStatus.ACTIVE:
        check_rules(product, change.variants)


def _edit_variant(change: ProductChange, wanted: dict[str, Any]) -> None:
    known = next((variant for variant in change.variants if _is_meant(variant, wanted)), None)
    values: dict[str, Any] = {name: wanted[name] for name in VARIANT_FIELDS if name in wanted}
    if known is None and wanted.get("id") is not None:
        raise UnknownVariant(f"The product has no variant {wanted['id']}.")
    if known is None:
        last = max((variant.position for variant in change.variants), default=-1)
        values = {"currency": settings.DEFAULT_CURRENCY, "position": last + 1, **values}
        known = Variant(**values, sku_key=sku_key(wanted["sku"]))
        change.variants.append(known)
        change.new_variants.append(known)
        change.is_edited = True
    elif _assign(known, values):
        known.sku_key = sku_key(known.sku)
        if known.pk is not None and known not in change.changed_variants:
            change.changed_variants.append(known)
        change.is_edited = True


def _is_meant(variant: Variant, wanted: dict[str, Any]) -> bool:
    if wanted.get("id") is not None:
        return bool(variant.pk == wanted["id"])
    return variant.sku_key == sku_key(wanted["sku"])


def _assign(row: Product | Variant, values: dict[str, Any]) -> bool:
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)


def _category_id(slug: str | None, categories: dict[str, Category]) -> int | None:
    if slug is None:
        return None
    if slug not in categories:
        raise CategoryNotFound(f"There is no category {slug}.")
    return categories[slug].pk


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: members of `patch` replace those of `target`, null removes them."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def categories_named(inputs: Sequence[dict[str, Any]]) -> dict[str, Category]:
    """The categories that the inputs name, by slug, in one statement."""
    slugs = {data["category"] for data in inputs if data.get("category")}
    return {category.slug: category for category in Category.objects.filter(slug__in=slugs)} if slugs else {}


def write(changes: Sequence[ProductChange]) -> None:
    """Writes what has changed and announces it. Raises `SkuTaken`, `HandleTaken` where another was faster."""
    now = timezone.now()
    changes = [change for change in changes if change.is_changed]
    for change in changes:
        _stamp(change, now)
    try:
        _write_products(changes)
        _write_variants(changes, now)
    except IntegrityError as error:
        if constraint(error) == "products_variant_sku_key_unique":
            raise SkuTaken("Another product has one of these SKUs.") from None
        if constraint(error).startswith("products_product_handle"):
            raise HandleTaken("Another product has this handle.") from None
        raise
    images = images_by_product([change.product.pk for change in changes if not change.is_new])
    outbox.record(*(fact for change in changes for fact in _facts(change, images.get(change.product.pk, ()))))


def _stamp(change: ProductChange, now: datetime) -> None:
    product = change.product
    product.updated_at = now
    if change.is_new:
        product.created_at = now
    else:
        product.version += 1
    if product.status != change.status_before:
        product.published_at = now if product.status == ProductStatus.ACTIVE else None


def _write_products(changes: Sequence[ProductChange]) -> None:
    new = [change.product for change in changes if change.is_new]
    for product, handle in zip(new, free_handles([(p.handle, p.name) for p in new]), strict=True):
        product.handle = handle
    Product.objects.bulk_create(new)
    Product.objects.bulk_update(
        [change.product for change in changes if not change.is_new],
        [*PRODUCT_FIELDS, "attributes", "category", "status", "published_at", "version", "updated_at"],
    )


def _write_variants(changes: Sequence[ProductChange], now: datetime) -> None:
    for change in changes:
        for variant in change.new_variants:
            variant.product = change.product
            variant.created_at = variant.updated_at = now
        for variant in change.changed_variants:
            variant.updated_at = now
    Variant.objects.bulk_create(variant for change in changes for variant in change.new_variants)
    Variant.objects.bulk_update(
        [variant for change in changes for variant in change.changed_variants],
        [*VARIANT_FIELDS, "sku_key", "updated_at"],
    )


def _facts(change: ProductChange, images: Sequence[dict[str, Any]]) -> list[events.ProductFact]:
    shown = represent_product(change.product, change.variants, images=images)
    kinds: list[type[events.ProductFact]] = []
    if change.is_new:
        kinds.append(events.ProductCreated)
    elif change.is_edited:
        kinds.append(events.ProductUpdated)
    transition = (change.status_before or ProductStatus.DRAFT, change.product.status)
    if transition in _OF_TRANSITION:
        kinds.append(_OF_TRANSITION[transition])
    return [kind(product=shown) for kind in kinds]
