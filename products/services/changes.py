"""A product's change, and how many of them are written in a constant number of statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError
from django.utils import timezone

from pms_backend.api.exceptions import constraint
from pms_backend.events import services as outbox
from products import events
from products.exceptions import HandleTaken, OptionsDoNotFit, SkuTaken
from products.images.representation import images_by_product
from products.models import Product, ProductStatus, Variant
from products.renames import variants_renamed
from products.representation import represent_product
from products.services.handles import free_handles
from products.services.search_columns import prepare_for_readers
from products.services.statements import insert_products, insert_variants, update_products, update_variants

PRODUCT_FIELDS: Final = ("name", "description", "brand", "tags", "options", "handle")
VARIANT_FIELDS: Final = (
    "sku", "barcode", "name", "price", "currency", "compare_at_price", "cost", "weight_grams", "options", "position",
)  # fmt: skip

_OF_TRANSITION: Final[dict[tuple[str, str], type[events.ProductEvent]]] = {
    (ProductStatus.DRAFT, ProductStatus.ACTIVE): events.ProductPublished,
    (ProductStatus.ACTIVE, ProductStatus.DRAFT): events.ProductUnpublished,
    (ProductStatus.DRAFT, ProductStatus.ARCHIVED): events.ProductArchived,
    (ProductStatus.ACTIVE, ProductStatus.ARCHIVED): events.ProductArchived,
    (ProductStatus.ARCHIVED, ProductStatus.DRAFT): events.ProductRestored,
    (ProductStatus.ARCHIVED, ProductStatus.ACTIVE): events.ProductPublished,
}


@dataclass(slots=True)
class ProductChange:
    """One product on its way into the database, with what has become of it.

    `variants` holds the archived ones too. `row_of` says where the input names a variant, by the variant's identity,
    since a new one has no key yet.
    """

    product: Product
    variants: list[Variant]
    status_before: str | None = None
    new_variants: list[Variant] = field(default_factory=list)
    changed_variants: list[Variant] = field(default_factory=list)
    renamed_variants: list[Variant] = field(default_factory=list)
    row_of: dict[int, int] = field(default_factory=dict)
    is_edited: bool = False

    @property
    def is_new(self) -> bool:
        """Whether the product is not in the database yet."""
        return self.status_before is None

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return self.is_new or self.is_edited or self.product.status != self.status_before

    @property
    def current(self) -> list[Variant]:
        """The variants that are not archived, by position, then in the order of their making."""
        return sorted(
            (variant for variant in self.variants if not variant.is_archived), key=lambda variant: variant.position
        )

    def pointer_to(self, variant: Variant, member: str = "") -> str | None:
        """Where the input says this of the variant; nothing where it does not name the variant."""
        row = self.row_of.get(id(variant))
        return None if row is None else f"/variants/{row}" + (f"/{member}" if member else "")


def assign(row: Product | Variant, values: dict[str, Any]) -> bool:
    """Sets what is different; whether anything was."""
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)


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
        if constraint(error) == "products_variant_options_distinct":
            raise OptionsDoNotFit("Two variants have the same option values.", code="duplicate_options") from None
        raise
    images = images_by_product([change.product.pk for change in changes if not change.is_new])
    outbox.record(*(fact for change in changes for fact in _facts(change, images.get(change.product.pk, ()))))
    if renamed := [variant.pk for change in changes for variant in change.renamed_variants]:
        variants_renamed(renamed)


def _stamp(change: ProductChange, now: datetime) -> None:
    product = change.product
    prepare_for_readers(product, change.variants)
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
    insert_products(new)
    update_products([change.product for change in changes if not change.is_new])


def _write_variants(changes: Sequence[ProductChange], now: datetime) -> None:
    for change in changes:
        for variant in change.new_variants:
            variant.product = change.product
            variant.created_at = variant.updated_at = now
        for variant in change.changed_variants:
            variant.updated_at = now
    # First what is there: a new variant may have the SKU, or the option values, that another one gives up.
    update_variants([variant for change in changes for variant in change.changed_variants])
    insert_variants([variant for change in changes for variant in change.new_variants])


def _facts(change: ProductChange, images: Sequence[dict[str, Any]]) -> list[events.ProductEvent]:
    shown = represent_product(change.product, change.current, images)
    kinds: list[type[events.ProductEvent]] = []
    if change.is_new:
        kinds.append(events.ProductCreated)
    elif change.is_edited:
        kinds.append(events.ProductUpdated)
    transition = (change.status_before or ProductStatus.DRAFT, change.product.status)
    if transition in _OF_TRANSITION:
        kinds.append(_OF_TRANSITION[transition])
    return [kind(product=shown) for kind in kinds]
