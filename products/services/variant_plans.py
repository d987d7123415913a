"""Plans of changes of variants: input is matched to the variants of a product and applied in memory."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from pms_backend.api.problems import FieldError
from products.exceptions import SkuTaken, TooManyVariants, UnknownVariant
from products.models import MAX_VARIANTS, Variant
from products.services.changes import VARIANT_INPUT, ProductChange, assign
from products.skus import sku_key


def edit_variants(change: ProductChange, wanted: Sequence[dict[str, Any]]) -> None:
    """Changes the variants that the input names by `id`, or else by `sku`, and creates the others; omitted ones stay.

    SKUs are matched as they were before the request, so that it may swap them. An archived variant is restored, and one
    with `is_archived` archived.
    Raises `UnknownVariant`, `SkuTaken`, `TooManyVariants`.
    """
    by_id = {variant.pk: variant for variant in change.variants}
    named = {one["id"] for one in wanted if one.get("id") is not None}
    by_key = {variant.sku_key: variant for variant in change.variants if variant.pk not in named}
    for index, one in enumerate(wanted):
        if one.get("id") is None:
            variant = by_key.get(sku_key(one["sku"]))
        elif (variant := by_id.get(one["id"])) is None:
            raise UnknownVariant(one["id"], f"/variants/{index}/id")
        _edit_variant(change, variant, one, index)
    _check_skus(change)
    if len(change.current) > MAX_VARIANTS:
        raise TooManyVariants(MAX_VARIANTS)


def archive_left_out(change: ProductChange) -> None:
    """Archives the variants that the input does not name."""
    archive_variants(change, [variant for variant in change.current if change.pointer_to(variant) is None])


def archive_variants(change: ProductChange, variants: Sequence[Variant]) -> None:
    """Archives stored variants that the input does not name."""
    for variant in variants:
        variant.is_archived = True
        change.changed_variants.append(variant)
        change.is_edited = True


def _edit_variant(change: ProductChange, variant: Variant | None, wanted: dict[str, Any], index: int) -> None:
    values: dict[str, Any] = {name: wanted[name] for name in VARIANT_INPUT if name in wanted}
    old_sku = variant.sku if variant else None
    if variant is None:
        last = max((known.position for known in change.variants), default=-1)
        values = {"currency": settings.DEFAULT_CURRENCY, "position": last + 1, **values}
        variant = Variant(**values, sku_key=sku_key(wanted["sku"]))
        change.variants.append(variant)
        change.new_variants.append(variant)
        change.is_edited = True
    elif assign(variant, {**values, "is_archived": wanted.get("is_archived", False)}):
        if variant.sku != old_sku:
            change.renamed_variants.append(variant)
        variant.sku_key = sku_key(variant.sku)
        change.changed_variants.append(variant)
        change.is_edited = True
    change.input_index[id(variant)] = index


def _check_skus(change: ProductChange) -> None:
    """The database checks this too, but cannot say which row of a bulk is wrong."""
    counts = Counter(variant.sku_key for variant in change.variants)
    text = _("Another variant of the product has the SKU %(sku)s.")
    errors = [
        FieldError(pointer, SkuTaken.code, text % {"sku": variant.sku})
        for variant in change.variants
        if counts[variant.sku_key] > 1 and (pointer := change.pointer_to(variant, "sku"))
    ]
    if errors:
        raise SkuTaken(errors[0].detail, errors=errors)
