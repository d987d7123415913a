"""Many products at a time: created or updated by their SKUs in a constant number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from pms_backend.api.bulk import Outcome, rejection, require_all
from pms_backend.api.exceptions import DomainError, Invalid
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from products.exceptions import HandleTaken, ProductNotFound, SkuTaken
from products.handles import clean_handle
from products.models import Product, Variant
from products.services.changes import ProductChange, write
from products.services.plans import categories_named, plan_creation, plan_update
from products.services.products import lock_products, lock_variants
from products.skus import sku_key

MAX_BULK_PRODUCTS = 1_000
TRIES_AGAINST_CREATORS = 3


@retried_atomic
def upsert_products(*, rows: Sequence[tuple[int, dict[str, Any]]], atomic: bool = False) -> list[Outcome]:
    """Creates or updates a product for each (index, validated input); a refused row stops no other, unless `atomic`.

    A row means the product that has its variants, by their SKUs or ids; variants that it leaves out stay. Beside what
    the API validates, a row may say `id`: then it means that product, whatever its SKUs say; and `is_whole` (`plans`).
    Somebody who takes a SKU or a handle meanwhile is found by another try.
    Raises `BulkInvalid` and `BulkConflict` where `atomic`.
    """
    for _ in range(TRIES_AGAINST_CREATORS):
        try:
            with transaction.atomic():
                return _upsert(rows, atomic=atomic)
        except (SkuTaken, HandleTaken):
            continue
    return _upsert(rows, atomic=atomic)


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
                change = plan_update(products[owner], variants[owner], data, categories)
            else:
                raise ProductNotFound(f"There is no product {owner}.")
        except DomainError as error:
            refused.append(rejection(index, error))
            continue
        changes.append(change)
        written.append(Outcome(index, _status(change), {}))
    if atomic:
        require_all(refused)
    write(changes)
    for outcome, change in zip(written, changes, strict=True):
        outcome.key["id"] = change.product.pk
    return written + refused


class _Owners:
    """Which products the rows of a bulk mean, and which rows mean one that an earlier row has meant."""

    def __init__(self, inputs: Sequence[dict[str, Any]]) -> None:
        self._ids = {data["id"] for data in inputs if data.get("id") is not None}
        variants = [variant for data in inputs for variant in data.get("variants", ())]
        keys = {sku_key(variant["sku"]) for variant in variants if "sku" in variant}
        variant_ids = {variant["id"] for variant in variants if variant.get("id") is not None}
        meant = Variant.objects.filter(
            Q(sku_key__in=keys) | Q(pk__in=variant_ids) if variant_ids else Q(sku_key__in=keys)
        )
        found = list(meant.values_list("sku_key", "pk", "product_id"))
        self._by_key = {key: product_id for key, _, product_id in found}
        self._by_variant_id = {pk: product_id for _, pk, product_id in found}
        handles = {clean_handle(data["handle"]) for data in inputs if data.get("handle")}
        self._by_handle: dict[str, int] = (
            dict(Product.objects.filter(handle__in=handles).values_list("handle", "pk")) if handles else {}
        )
        self._named: set[str | int] = set()

    def all(self) -> list[int]:
        """Every product that a row may mean, by id."""
        return sorted(self._ids | set(self._by_key.values()) | set(self._by_variant_id.values()))

    def owner_of(self, data: dict[str, Any], index: int) -> int | None:
        """The product that the row means; none for a new one.

        Raises `SkuTaken`, `HandleTaken`, and `Invalid` where an earlier row has meant it.
        """
        variants = data.get("variants", ())
        keys = {sku_key(variant["sku"]) for variant in variants if "sku" in variant}
        found = {self._by_key[key] for key in keys if key in self._by_key}
        found |= {
            self._by_variant_id[variant["id"]] for variant in variants if variant.get("id") in self._by_variant_id
        }
        if data.get("id") is not None:
            found.add(data["id"])
        claims = keys | found
        if claims & self._named:
            raise Invalid("An earlier row of this request means the same product.", code="duplicate_product")
        self._named |= claims
        if len(found) > 1:
            detail = "These SKUs belong to different products."
            raise SkuTaken(detail, errors=[FieldError("/variants", SkuTaken.code, detail)])
        owner = next(iter(found), None)
        # A new product has no id yet: its row stands for it.
        self._claim_handle(data.get("handle"), -1 - index if owner is None else owner)
        return owner

    def _claim_handle(self, handle: str | None, claimant: int) -> None:
        handle = clean_handle(handle) if handle else None
        if handle and self._by_handle.setdefault(handle, claimant) != claimant:
            raise HandleTaken(f"Another product has the handle {handle}.")


def _status(change: ProductChange) -> str:
    if change.is_new:
        return "created"
    return "updated" if change.is_changed else "unchanged"
