"""Looks up the products and SKUs of a chunk of a file in the catalogue, with three queries for all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pms_integration.files.parsed_products import ParsedProduct
from products.models import Product, Variant
from products.skus import MAX_SKU_LENGTH, sku_key

SUFFIX_LENGTH: Final = 8


@dataclass(slots=True)
class CatalogueVariant:
    """The values by which a file can identify a variant."""

    id: int
    sku: str
    sku_key: str
    options: dict[str, str]
    position: int


@dataclass(slots=True)
class CatalogueProduct:
    """A product and its variants in their order."""

    id: int
    options: list[dict[str, Any]]
    product_type: Any
    variants: list[CatalogueVariant] = field(default_factory=list)


class CatalogueLookup:
    """The products with these handles, and the product of each of these SKUs (`owners`: id and handle by SKU key)."""

    def __init__(self, parsed_products: Sequence[ParsedProduct]) -> None:
        keys = {sku_key(variant.sku) for parsed in parsed_products for variant in parsed.variants if variant.sku}
        owners = Variant.objects.filter(sku_key__in=keys).order_by()
        self.owners: dict[str, tuple[int, str]] = {
            key: (product_id, handle)
            for key, product_id, handle in owners.values_list("sku_key", "product_id", "product__handle")
        }
        handles = {parsed.handle for parsed in parsed_products}
        handles |= {owner[1] for parsed in parsed_products if (owner := self._owner_by_sku(parsed)) is not None}
        fields = ("handle", "id", "options", "attributes__product_type")
        rows = Product.objects.filter(handle__in=handles).order_by().values_list(*fields)
        self.products = {handle: CatalogueProduct(*more) for handle, *more in rows}
        by_id = {product.id: product for product in self.products.values()}
        variants = Variant.objects.filter(product_id__in=list(by_id)).order_by("is_archived", "position", "id")
        for product_id, *values in variants.values_list("product_id", "id", "sku", "sku_key", "options", "position"):
            by_id[product_id].variants.append(CatalogueVariant(*values))

    def product_of(self, parsed: ParsedProduct) -> CatalogueProduct | None:
        """The existing product: the owner of its SKUs if it is found by SKU, else the one with its handle."""
        owner = self._owner_by_sku(parsed)
        if owner is not None:
            return self.products[owner[1]]
        return self.products.get(parsed.handle) if parsed.handle else None

    def owner_by_sku(self, parsed: ParsedProduct) -> int | None:
        """The id of the first product that has one of its SKUs."""
        owner = self._owner_of_skus(parsed)
        return owner[0] if owner else None

    def _owner_by_sku(self, parsed: ParsedProduct) -> tuple[int, str] | None:
        return self._owner_of_skus(parsed) if parsed.is_found_by_sku else None

    def _owner_of_skus(self, parsed: ParsedProduct) -> tuple[int, str] | None:
        owners = (self.owners.get(sku_key(variant.sku)) for variant in parsed.variants if variant.sku)
        return next((owner for owner in owners if owner is not None), None)


class FreeSkus:
    """Allocates SKUs that are not used yet; which of the `wanted` ones are used is looked up in one query."""

    def __init__(self, wanted: Iterable[str], used_keys: set[str]) -> None:
        self._used = used_keys | _used(sku_key(_cut(sku)) for sku in wanted)

    def allocate(self, wanted: str) -> str:
        """The wanted SKU, or the wanted SKU with the first number that makes it free."""
        sku, number = _cut(wanted), 1
        while sku_key(sku) in self._used or (number > 1 and _used([sku_key(sku)])):
            number += 1
            sku = f"{_cut(wanted)}-{number}"
        self._used.add(sku_key(sku))
        return sku


def _cut(sku: str) -> str:
    return sku[: MAX_SKU_LENGTH - SUFFIX_LENGTH]


def _used(keys: Iterable[str]) -> set[str]:
    wanted = set(keys)
    return set(Variant.objects.filter(sku_key__in=wanted).values_list("sku_key", flat=True)) if wanted else set()
