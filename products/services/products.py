"""One product at a time."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from pms_backend.api.transactions import retried_atomic
from products.exceptions import HandleTaken, ProductArchived, ProductNotFound
from products.models import Product, ProductStatus, Variant
from products.services.changes import categories_named, plan_creation, plan_update, write

TRIES_AGAINST_NAMESAKES = 3


@retried_atomic
def create_product(*, data: dict[str, Any]) -> Product:
    """Makes a product with its variants of what `ProductInputSerializer` validated.

    Raises `PublishRulesFailed`, `CategoryNotFound`, `SkuTaken`, `HandleTaken`.
    """
    for _ in range(TRIES_AGAINST_NAMESAKES):
        try:
            with transaction.atomic():
                return _create(data)
        except HandleTaken:
            # One of its own making: a product of the same name was faster.
            if data.get("handle"):
                raise
    return _create(data)


def _create(data: dict[str, Any]) -> Product:
    change = plan_creation(data, categories_named([data]))
    write([change])
    return change.product


@retried_atomic
def update_product(*, product_id: int, data: dict[str, Any]) -> tuple[Product, bool]:
    """Merges validated input into a product; returns it and whether anything was different.

    Raises `ProductNotFound`, `PublishRulesFailed`, `CategoryNotFound`, `SkuTaken`, `HandleTaken`.
    """
    product = lock_product(product_id)
    variants = lock_variants([product_id])
    change = plan_update(product, variants, data, categories_named([data]))
    write([change])
    return change.product, change.is_changed


@retried_atomic
def publish_product(*, product_id: int) -> Product:
    """Makes a product active; once more changes nothing.

    Raises `ProductNotFound`, `ProductArchived`, `PublishRulesFailed`.
    """
    return _set_status(product_id, ProductStatus.ACTIVE, not_from=ProductStatus.ARCHIVED)


@retried_atomic
def unpublish_product(*, product_id: int) -> Product:
    """Makes an active product a draft again. Raises `ProductNotFound`, `ProductArchived`."""
    return _set_status(product_id, ProductStatus.DRAFT, not_from=ProductStatus.ARCHIVED)


@retried_atomic
def archive_product(*, product_id: int) -> Product:
    """Takes a product out of the catalogue; its stock and history stay. Raises `ProductNotFound`."""
    return _set_status(product_id, ProductStatus.ARCHIVED)


@retried_atomic
def restore_product(*, product_id: int) -> Product:
    """Brings an archived product back as a draft; others stay as they are. Raises `ProductNotFound`."""
    product = lock_product(product_id)
    if product.status != ProductStatus.ARCHIVED:
        return product
    return _set_status(product_id, ProductStatus.DRAFT)


def _set_status(product_id: int, status: ProductStatus, *, not_from: ProductStatus | None = None) -> Product:
    product = lock_product(product_id)
    if product.status == not_from:
        raise ProductArchived("The product is archived; restore it first.")
    change = plan_update(product, lock_variants([product_id]), {"status": status}, {})
    write([change])
    return change.product


def lock_product(product_id: int) -> Product:
    """The product, locked to the end of the transaction. Raises `ProductNotFound`."""
    product = _locked(Product.objects.filter(pk=product_id)).first()
    if product is None:
        raise ProductNotFound(f"There is no product {product_id}.")
    return product


def lock_products(product_ids: Sequence[int]) -> dict[int, Product]:
    """Products by id, locked in that order."""
    return {product.pk: product for product in _locked(Product.objects.filter(pk__in=product_ids)).order_by("pk")}


def lock_variants(product_ids: Sequence[int]) -> list[Variant]:
    """The variants of locked products, locked in the order of their ids, returned in that of their positions."""
    found = Variant.objects.filter(product_id__in=product_ids).order_by("pk").select_for_update(no_key=True)
    return sorted(found, key=lambda variant: (variant.position, variant.pk))


def _locked(products: QuerySet[Product]) -> QuerySet[Product]:
    # The document is as long as the product, and made anew by every write.
    products = products.defer("search_document")
    return products.select_related("category").select_for_update(of=("self",), no_key=True)
