"""Creates or updates many products by their SKUs, in a constant number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from pms_backend.api.bulk import Outcome, rejection, require_all
from pms_backend.api.exceptions import DomainError, Invalid
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic, rolled_back
from products.exceptions import HandleTaken, ProductNotFound, SkuTaken
from products.handles import clean_handle
from products.models import Product, Variant
from products.services.changes import ProductChange, write
from products.services.plans import categories_named, plan_creation, plan_update
from products.services.products import lock_products, lock_variants, require_version
from products.skus import sku_key

MAX_BULK_PRODUCTS = 1_000
MAX_CREATION_RACES = 3


@retried_atomic
def upsert_products(*, rows: Sequence[tuple[int, dict[str, Any]]], atomic: bool = False) -> list[Outcome]:
    """Creates or updates a product for each (index, validated input); a refused row stops no other, unless `atomic`.

    A row is matched to the product that has its variants, by their SKUs or ids; omitted variants stay. Beside the
    fields of the API, a row may have `id`, which names the product whatever its SKUs are, and that product's
    `expected_version`; `is_whole` and `restores` (`plans`); and the `request_id` of its events.
    If a concurrent transaction takes a SKU or handle, everything is tried again.
    Raises `BulkInvalid` and `BulkConflict` if `atomic`.
    """
    for _race in range(MAX_CREATION_RACES):
        try:
            with transaction.atomic():
                return _upsert(rows, atomic=atomic)
        except (SkuTaken, HandleTaken):
            continue
    return _upsert(rows, atomic=atomic)


@retried_atomic
def preview_products(*, rows: Sequence[tuple[int, dict[str, Any]]]) -> list[Outcome]:
    """What `upsert_products` would do with these rows now. Writes nothing; locks products for a moment."""
    with rolled_back():
        return _upsert(rows, atomic=False)


def _upsert(rows: Sequence[tuple[int, dict[str, Any]]], *, atomic: bool) -> list[Outcome]:
    inputs = [data for _, data in rows]
    owners = _Owners(inputs)
    products = lock_products(owners.all())
    variants: dict[int, list[Variant]] = defaultdict(list)
    for variant in lock_variants(list(products)):
        variants[variant.product_id].append(variant)
    categories = categories_named(inputs)
    changes: list[ProductChange] = []
    written: list[Outcome] = []
    refused: list[Outcome] = []
    for index, data in rows:
        try:
            owner = owners.owner_of(data, index)
            if owner is None:
                change = plan_creation(data, categories)
            elif owner in products:
                require_version(products[owner], data.get("expected_version"))
                change = plan_update(products[owner], variants[owner], data, categories)
            else:
                raise ProductNotFound(_("There is no product %(id)s.") % {"id": owner})
        except DomainError as error:
            refused.append(rejection(index, error))
            continue
        change.request_id = data.get("request_id")
        changes.append(change)
        written.append(Outcome(index, _status(change), {}))
    if atomic:
        require_all(refused)
    write(changes)
    for outcome, change in zip(written, changes, strict=True):
        outcome.key["id"] = change.product.pk
    return written + refused


class _Owners:
    """Matches the rows of a bulk request to products, and finds rows that match the product of an earlier row."""

    def __init__(self, inputs: Sequence[dict[str, Any]]) -> None:
        self._ids = {data["id"] for data in inputs if data.get("id") is not None}
        variants = [variant for data in inputs for variant in data.get("variants", ())]
        keys = {sku_key(variant["sku"]) for variant in variants if "sku" in variant}
        variant_ids = {variant["id"] for variant in variants if variant.get("id") is not None}
        variants_named = Variant.objects.filter(
            Q(sku_key__in=keys) | Q(pk__in=variant_ids) if variant_ids else Q(sku_key__in=keys)
        )
        found = list(variants_named.values_list("sku_key", "pk", "product_id"))
        self._by_key = {key: product_id for key, _, product_id in found}
        self._by_variant_id = {pk: product_id for _, pk, product_id in found}
        handles = {clean_handle(data["handle"]) for data in inputs if data.get("handle")}
        self._by_handle: dict[str, int] = (
            dict(Product.objects.filter(handle__in=handles).values_list("handle", "pk")) if handles else {}
        )
        self._used: set[str | int] = set()

    def all(self) -> list[int]:
        """The ids of all products that a row may match."""
        return sorted(self._ids | set(self._by_key.values()) | set(self._by_variant_id.values()))

    def owner_of(self, data: dict[str, Any], index: int) -> int | None:
        """The id of the product that the row matches; None for a new one.

        Raises `SkuTaken`, `HandleTaken`, and `Invalid` if an earlier row matches the same product.
        """
        variants = data.get("variants", ())
        keys = {sku_key(variant["sku"]) for variant in variants if "sku" in variant}
        found = {self._by_key[key] for key in keys if key in self._by_key}
        found |= {
            self._by_variant_id[variant["id"]] for variant in variants if variant.get("id") in self._by_variant_id
        }
        if data.get("id") is not None:
            found.add(data["id"])
        identities = keys | found
        if identities & self._used:
            raise Invalid(_("An earlier row of this request means the same product."), code="duplicate_product")
        self._used |= identities
        if len(found) > 1:
            detail = _("These SKUs belong to different products.")
            raise SkuTaken(detail, errors=[FieldError("/variants", SkuTaken.code, detail)])
        owner = next(iter(found), None)
        # A new product has no id yet, so a negative number of its row replaces it.
        self._reserve_handle(data.get("handle"), -1 - index if owner is None else owner)
        return owner

    def _reserve_handle(self, handle: str | None, owner: int) -> None:
        handle = clean_handle(handle) if handle else None
        if handle and self._by_handle.setdefault(handle, owner) != owner:
            raise HandleTaken(_("Another product has the handle %(handle)s.") % {"handle": handle})


def _status(change: ProductChange) -> str:
    if change.is_new:
        return "created"
    return "updated" if change.is_changed else "unchanged"
