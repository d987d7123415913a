"""What the database already has of the products that a chunk of a file names: three statements, however many."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pms_integration.files.parsed_products import Draft
from products.models import Product, Variant
from products.skus import MAX_SKU_LENGTH, sku_key

ROOM_FOR_COUNTER: Final = 8


@dataclass(slots=True)
class KnownVariant:
    """A variant, as far as a file can name it."""

    id: int
    sku: str
    sku_key: str
    options: dict[str, str]
    position: int


@dataclass(slots=True)
class KnownProduct:
    """A product and its variants, in their order."""

    id: int
    options: list[dict[str, Any]]
    product_type: Any
    variants: list[KnownVariant] = field(default_factory=list)


class Known:
    """The products that have these handles, and who has these SKUs."""

    def __init__(self, handles: Iterable[str], skus: Iterable[str], meant_by_sku: Iterable[str] = ()) -> None:
        keys = {sku_key(sku) for sku in skus}
        owners = Variant.objects.filter(sku_key__in=keys).order_by()
        self.owners: dict[str, tuple[int, str]] = {
            key: (product_id, handle)
            for key, product_id, handle in owners.values_list("sku_key", "product_id", "product__handle")
        }
        of_skus = (self.owners.get(sku_key(sku)) for sku in meant_by_sku if sku)
        handles = {*handles, *(owner[1] for owner in of_skus if owner is not None)}
        fields = ("handle", "id", "options", "attributes__product_type")
        rows = Product.objects.filter(handle__in=handles).order_by().values_list(*fields)
        self.products = {handle: KnownProduct(*more) for handle, *more in rows}
        by_id = {product.id: product for product in self.products.values()}
        variants = Variant.objects.filter(product_id__in=list(by_id)).order_by("is_archived", "position", "id")
        for product_id, *values in variants.values_list("product_id", "id", "sku", "sku_key", "options", "position"):
            by_id[product_id].variants.append(KnownVariant(*values))

    def product_of(self, draft: Draft) -> KnownProduct | None:
        """The product that the draft means: the one of its SKUs, where it says so, else the one of its handle."""
        if draft.is_found_by_sku:
            for variant in draft.variants:
                owner = self.owners.get(sku_key(variant.sku)) if variant.sku else None
                if owner is not None:
                    return self.products[owner[1]]
        return self.products.get(draft.handle) if draft.handle else None


class FreeSkus:
    """SKUs that nobody has: `wanted` are the first choices, of which the taken ones are found in one statement."""

    def __init__(self, wanted: Iterable[str], claimed: set[str]) -> None:
        self._taken = claimed | _taken(sku_key(cut(sku)) for sku in wanted)

    def take(self, wanted: str) -> str:
        """The wanted one, or it with the first number that makes it free."""
        sku, number = cut(wanted), 1
        while sku_key(sku) in self._taken or (number > 1 and _taken([sku_key(sku)])):
            number += 1
            sku = f"{cut(wanted)}-{number}"
        self._taken.add(sku_key(sku))
        return sku


def cut(sku: str) -> str:
    """No longer than a SKU may be with a counter behind it."""
    return sku[: MAX_SKU_LENGTH - ROOM_FOR_COUNTER]


def _taken(keys: Iterable[str]) -> set[str]:
    wanted = set(keys)
    return set(Variant.objects.filter(sku_key__in=wanted).values_list("sku_key", flat=True)) if wanted else set()
