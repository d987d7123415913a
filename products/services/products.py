"""Writes of one product or variant, and the locks of their rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from pms_backend.api.exceptions import DomainError
from pms_backend.api.transactions import retried_atomic
from products.exceptions import HandleTaken, ProductNotFound, VariantNotFound, VersionConflict
from products.models import Category, Product, ProductStatus, Variant
from products.services.changes import ProductChange, write
from products.services.plans import categories_named, plan_creation, plan_replacement, plan_update, set_status

MAX_HANDLE_RACES = 3

_VARIANT_POINTER: Final = "/variants/0"

Plan = Callable[[Product, Sequence[Variant], dict[str, Any], dict[str, Category]], ProductChange]


@retried_atomic
def create_product(*, data: dict[str, Any]) -> Product:
    """Creates a product with its variants from input that `ProductInputSerializer` validated.

    Raises `PublishRulesFailed`, `CategoryNotFound`, `OptionsDoNotFit`, `SkuTaken`, `HandleTaken`.
    """
    for _race in range(MAX_HANDLE_RACES):
        try:
            with transaction.atomic():
                return _create(data)
        except HandleTaken:
            # A handle made of the name is tried again: a concurrent product has the same name.
            if data.get("handle"):
                raise
    return _create(data)


def _create(data: dict[str, Any]) -> Product:
    change = plan_creation(data, categories_named([data]))
    write([change])
    return change.product


@retried_atomic
def update_product(
    *, product_id: int, data: dict[str, Any], expected_version: int | None = None
) -> tuple[Product, bool]:
    """Merges validated input into a product; returns it and whether anything has changed.

    `expected_version` is the version that the caller has read. `plans` explains `is_whole` in `data`.
    Raises `ProductNotFound`, `VersionConflict`, `ProductArchived`, `PublishRulesFailed`, `CategoryNotFound`,
    `UnknownVariant`, `OptionsDoNotFit`, `SkuTaken`, `HandleTaken`.
    """
    change = _change(plan_update, product_id, data, expected_version)
    return change.product, change.is_changed


@retried_atomic
def replace_product(*, product_id: int, data: dict[str, Any], expected_version: int | None = None) -> Product:
    """Replaces a product by validated input; omitted fields get their defaults, omitted variants are archived.

    An omitted `handle` or `status` stays. Raises the errors of `update_product`.
    """
    return _change(plan_replacement, product_id, data, expected_version).product


@retried_atomic
def update_variant(*, variant_id: int, data: dict[str, Any], expected_version: int | None = None) -> Variant:
    """Merges validated input into one variant; `expected_version` is that of its product.

    Raises `VariantNotFound` and the errors of `update_product`, with pointers into `data`.
    """
    product_id = Variant.objects.filter(pk=variant_id).values_list("product_id", flat=True).first()
    if product_id is None:
        raise VariantNotFound(_("There is no variant %(id)s.") % {"id": variant_id})
    try:
        change = _change(plan_update, product_id, {"variants": [{**data, "id": variant_id}]}, expected_version)
    except DomainError as error:
        error.errors = tuple(replace(one, pointer=one.pointer.removeprefix(_VARIANT_POINTER)) for one in error.errors)
        raise
    return next(variant for variant in change.variants if variant.pk == variant_id)


@retried_atomic
def archive_product(*, product_id: int, expected_version: int | None = None) -> Product:
    """Archives a product; its stock and history stay. Raises `ProductNotFound`, `VersionConflict`."""
    return _change(plan_update, product_id, {"status": ProductStatus.ARCHIVED.value}, expected_version).product


@retried_atomic
def restore_product(*, product_id: int, expected_version: int | None = None) -> Product:
    """Makes an archived product a draft; other products stay as they are.

    Raises `ProductNotFound`, `VersionConflict`.
    """
    product = lock_product(product_id, expected_version)
    if product.status == ProductStatus.ARCHIVED:
        change = ProductChange(product, lock_variants([product_id]), product.status)
        set_status(change, ProductStatus.DRAFT.value, restores=True)
        write([change])
    return product


def _change(plan: Plan, product_id: int, data: dict[str, Any], expected_version: int | None) -> ProductChange:
    product = lock_product(product_id, expected_version)
    change = plan(product, lock_variants([product_id]), data, categories_named([data]))
    write([change])
    return change


def lock_product(product_id: int, expected_version: int | None = None) -> Product:
    """The product, locked until the end of the transaction. Raises `ProductNotFound`, `VersionConflict`."""
    product = _locked(Product.objects.filter(pk=product_id)).first()
    if product is None:
        raise ProductNotFound(_("There is no product %(product_id)s.") % {"product_id": product_id})
    require_version(product, expected_version)
    return product


def require_version(product: Product, expected: int | None) -> None:
    """Raises `VersionConflict` if a locked product has another version than the caller has read."""
    if expected not in (None, product.version):
        raise VersionConflict(
            _("The product has the version %(version)s, not %(expected_version)s.")
            % {"version": product.version, "expected_version": expected}
        )


def lock_products(product_ids: Sequence[int]) -> dict[int, Product]:
    """Products by id, locked in the order of their ids."""
    return {product.pk: product for product in _locked(Product.objects.filter(pk__in=product_ids)).order_by("pk")}


def lock_variants(product_ids: Sequence[int]) -> list[Variant]:
    """The variants of locked products, with archived ones, by position; locked in the order of their ids."""
    found = Variant.objects.filter(product_id__in=product_ids).order_by("pk").select_for_update(no_key=True)
    return sorted(found, key=lambda variant: (variant.position, variant.pk))


def _locked(products: QuerySet[Product]) -> QuerySet[Product]:
    # The document is as long as the product, and every write replaces it.
    products = products.defer("search_document")
    return products.select_related("category").select_for_update(of=("self",), no_key=True)
