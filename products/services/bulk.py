"""Many products at a time: created or updated by their SKUs in a constant number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from pms_backend.api.bulk import Outcome, rejection, require_all
from pms_backend.api.exceptions import DomainError, Invalid
from pms_backend.api.transactions import retried_atomic
from products.exceptions import HandleTaken, SkuTaken
from products.models import Product, Variant
from products.services.changes import ProductChange, categories_named, plan_creation, plan_update, write
from products.services.products import lock_products, lock_variants
from products.skus import sku_key

MAX_BULK_PRODUCTS = 1_000
TRIES_AGAINST_CREATORS = 3


@retried_atomic
def upsert_products(*, rows: Sequence[tuple[int, dict[str, Any]]], atomic: bool = False) -> list[Outcome]:
    """Creates or updates a product for each (index, validated input); a refused row stops no other, unless `atomic`.

    A row means the product that has its SKUs, or that of its `id`, which services alone may say. Somebody who takes one
    of them, or a handle, meanwhile is found by another try.
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
    owners = _owners_of_skus(inputs)
    products = lock_products(sorted({*owners.values(), *(data["id"] for data in inputs if data.get("id"))}))
    variants: dict[int, list[Variant]] = defaultdict(list)
    for variant in lock_variants(list(products)):
        variants[variant.product_id].append(variant)
    categories = categories_named(inputs)
    changes: list[ProductChange] = []
    written: list[Outcome] = []
    refused: list[Outcome] = []
    handles = _owners_of_handles(inputs)
    named: set[str | int] = set()
    for index, data in rows:
        keys = {sku_key(variant["sku"]) for variant in data["variants"]}
        try:
            owner = _owner(keys, owners, named, data.get("id"))
            # A new product has no id yet: its row stands for it.
            _check_handle(data.get("handle"), -1 - index if owner is None else owner, handles)
            if owner is None:
                change = plan_creation(data, categories)
            else:
                change = plan_update(products[owner], variants[owner], data, categories)
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


def _owners_of_skus(inputs: Sequence[dict[str, Any]]) -> dict[str, int]:
    keys = {sku_key(variant["sku"]) for data in inputs for variant in data["variants"]}
    return dict(Variant.objects.filter(sku_key__in=keys).values_list("sku_key", "product_id"))


def _owners_of_handles(inputs: Sequence[dict[str, Any]]) -> dict[str, int]:
    given = {data["handle"] for data in inputs if data.get("handle")}
    return dict(Product.objects.filter(handle__in=given).values_list("handle", "pk")) if given else {}


def _owner(keys: set[str], owners: dict[str, int], named: set[str | int], meant: int | None) -> int | None:
    found = {owners[key] for key in keys if key in owners} | ({meant} if meant else set())
    claims = keys | found
    if claims & named:
        raise Invalid("An earlier row of this request means the same product.", code="duplicate_product")
    named |= claims
    if len(found) > 1:
        raise SkuTaken("These SKUs belong to different products.")
    return found.pop() if found else None


def _check_handle(handle: str | None, claimant: int, handles: dict[str, int]) -> None:
    if handle and handles.setdefault(handle, claimant) != claimant:
        raise HandleTaken(f"Another product has the handle {handle}.")


def _status(change: ProductChange) -> str:
    if change.is_new:
        return "created"
    return "updated" if change.is_changed else "unchanged"
