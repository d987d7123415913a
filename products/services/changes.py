"""Changes of products, and how many of them are written in a constant number of statements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from pms_backend.access.services import FieldChange, HistoryEntry, record_history
from pms_backend.api.exceptions import constraint
from pms_backend.events import services as outbox
from products import events
from products.editable_fields import editable_fields
from products.exceptions import HandleTaken, OptionsDoNotFit, SkuTaken
from products.handles import free_handles
from products.history import StoredProduct
from products.models import Product, ProductStatus, Variant
from products.renames import variants_renamed
from products.representation import images_by_product, represent_product
from products.search import document_of
from products.services.statements import PRODUCTS, VARIANTS

# The fields that input sets as they are; `plans` and `schedules` hold the rules of the others.
PRODUCT_INPUT: Final = editable_fields(
    Product, apart_from={"status", "published_at", "publish_at", "unpublish_at", "category", "attributes"}
)
VARIANT_INPUT: Final = editable_fields(Variant, apart_from={"product"})

_TRANSITION_EVENTS: Final[dict[tuple[str, str], type[events.ProductEvent]]] = {
    (ProductStatus.DRAFT, ProductStatus.ACTIVE): events.ProductPublished,
    (ProductStatus.ACTIVE, ProductStatus.DRAFT): events.ProductUnpublished,
    (ProductStatus.DRAFT, ProductStatus.ARCHIVED): events.ProductArchived,
    (ProductStatus.ACTIVE, ProductStatus.ARCHIVED): events.ProductArchived,
    (ProductStatus.ARCHIVED, ProductStatus.DRAFT): events.ProductRestored,
    (ProductStatus.ARCHIVED, ProductStatus.ACTIVE): events.ProductPublished,
}


@dataclass(slots=True)
class ProductChange:
    """A product as it will be written, and what differs from the database.

    `variants` includes archived ones. `input_index` has the index of a variant in the input by its `id()`, since a new
    one has no key yet.
    """

    product: Product
    variants: list[Variant]
    status_before: str | None = None
    new_variants: list[Variant] = field(default_factory=list)
    changed_variants: list[Variant] = field(default_factory=list)
    renamed_variants: list[Variant] = field(default_factory=list)
    input_index: dict[int, int] = field(default_factory=dict)
    is_edited: bool = False
    # That of the webhook which reports it; None for the present request's.
    request_id: str | None = None
    image_changes: Sequence[FieldChange] = ()
    before: StoredProduct = field(init=False)

    def __post_init__(self) -> None:
        """Keeps the values of the database."""
        self.before = StoredProduct(self.product, self.variants)

    @property
    def is_new(self) -> bool:
        """Whether the product is not in the database yet."""
        return self.status_before is None

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from the database."""
        return self.is_new or self.is_edited or self.product.status != self.status_before

    @property
    def current(self) -> list[Variant]:
        """The variants that are not archived, by position, then in the order of their creation."""
        return sorted(
            (variant for variant in self.variants if not variant.is_archived), key=lambda variant: variant.position
        )

    def pointer_to(self, variant: Variant, member: str = "") -> str | None:
        """The JSON pointer to the variant in the input, or to a member of it; None if the input does not name it."""
        index = self.input_index.get(id(variant))
        return None if index is None else f"/variants/{index}" + (f"/{member}" if member else "")


def assign(row: Product | Variant, values: dict[str, Any]) -> bool:
    """Sets the values that differ; returns whether any did."""
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)


def write(changes: Sequence[ProductChange]) -> None:
    """Writes the changes and records their events.

    Raises `SkuTaken`, `HandleTaken` and `OptionsDoNotFit` if a concurrent transaction was faster.
    """
    now = timezone.now()
    changes = [change for change in changes if change.is_changed]
    for change in changes:
        _stamp(change, now)
    try:
        _write_products(changes)
        _write_variants(changes, now)
    except IntegrityError as error:
        if constraint(error) == "products_variant_sku_key_unique":
            raise SkuTaken(_("Another product has one of these SKUs.")) from None
        if constraint(error).startswith("products_product_handle"):
            raise HandleTaken(_("Another product has this handle.")) from None
        if constraint(error) == "products_variant_options_distinct":
            raise OptionsDoNotFit(_("Two variants have the same option values."), code="duplicate_options") from None
        raise
    images = images_by_product([change.product.pk for change in changes if not change.is_new])
    recorded = [
        (event, change.request_id)
        for change in changes
        for event in _events_of(change, images.get(change.product.pk, ()))
    ]
    if recorded:
        made, request_ids = zip(*recorded, strict=True)
        outbox.record(*made, request_ids=request_ids)
    record_history([_entry_of(change) for change in changes])
    if renamed := [variant.pk for change in changes for variant in change.renamed_variants]:
        variants_renamed(renamed)


def _stamp(change: ProductChange, now: datetime) -> None:
    product = change.product
    _derive_columns(product, change.variants)
    product.updated_at = now
    if change.is_new:
        product.created_at = now
    else:
        product.version += 1
    if product.status != change.status_before:
        product.published_at = now if product.status == ProductStatus.ACTIVE else None


def _derive_columns(product: Product, variants: Sequence[Variant]) -> None:
    """Sets the columns by which lists are searched and sorted."""
    current = [variant for variant in variants if not variant.is_archived]
    product.search_document = document_of(
        name=product.name,
        skus=[variant.sku for variant in current],
        brand=product.brand,
        tags=product.tags,
        description=product.description,
    )
    product.lowest_price = min((variant.price for variant in current if variant.price is not None), default=None)


def _write_products(changes: Sequence[ProductChange]) -> None:
    new = [change.product for change in changes if change.is_new]
    for product, handle in zip(new, free_handles([(p.handle, p.name) for p in new]), strict=True):
        product.handle = handle
    PRODUCTS.insert(new)
    PRODUCTS.update([change.product for change in changes if not change.is_new])


def _write_variants(changes: Sequence[ProductChange], now: datetime) -> None:
    for change in changes:
        for variant in change.new_variants:
            variant.product = change.product
            variant.created_at = variant.updated_at = now
        for variant in change.changed_variants:
            variant.updated_at = now
    # Updates come first: a new variant may have the SKU, or the option values, that another one gives up.
    VARIANTS.update([variant for change in changes for variant in change.changed_variants])
    VARIANTS.insert([variant for change in changes for variant in change.new_variants])


def _entry_of(change: ProductChange) -> HistoryEntry:
    """Its action is the event of its transition, if there is one. A new product has no changes: later ones begin so."""
    transition = _TRANSITION_EVENTS.get((change.status_before or ProductStatus.DRAFT, change.product.status))
    kind = events.ProductCreated if change.is_new else transition or events.ProductUpdated
    changes = () if change.is_new else change.before.changes_to(change.product, change.variants)
    return HistoryEntry(
        action=kind.type,
        subject=f"product:{change.product.pk}",
        name=change.product.name,
        changes=[*changes, *change.image_changes],
        request_id=change.request_id,
    )


def _events_of(change: ProductChange, images: Sequence[dict[str, Any]]) -> list[events.ProductEvent]:
    product = represent_product(change.product, change.current, images)
    kinds: list[type[events.ProductEvent]] = []
    if change.is_new:
        kinds.append(events.ProductCreated)
    elif change.is_edited:
        kinds.append(events.ProductUpdated)
    transition = (change.status_before or ProductStatus.DRAFT, change.product.status)
    if transition in _TRANSITION_EVENTS:
        kinds.append(_TRANSITION_EVENTS[transition])
    return [kind(product=product) for kind in kinds]
