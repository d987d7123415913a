"""Plans of changes: validated input is applied to a product in memory, for `changes.write`.

Beside the fields of the API, input may have `is_whole`: it is all that another system (a PMS, a file) has about the
product. Then a status restores an archived product instead of being refused (as with `restores`); omitted options are
extended by those of the variants; and omitted variants that no longer fit the options are archived. A variant may have
`is_archived`, which archives it.
"""

import json
from collections.abc import Container, Sequence
from typing import Any, Final

from django.conf import settings
from django.db.models import Model
from django.utils.translation import gettext as _

from pms_backend.api.problems import FieldError
from products.descriptions import sanitized
from products.exceptions import (
    AttributesTooLarge,
    CategoryNotFound,
    DescriptionTooLong,
    OptionsDoNotFit,
    ProductArchived,
)
from products.handles import require_handle
from products.models import (
    MAX_ATTRIBUTES_BYTES,
    MAX_DESCRIPTION_LENGTH,
    Category,
    Product,
    ProductStatus,
    Variant,
)
from products.options import derived_options, misfits, repeated
from products.services.changes import PRODUCT_INPUT, VARIANT_INPUT, ProductChange, assign
from products.services.publishing import check_rules
from products.services.variant_plans import archive_left_out, archive_variants, edit_variants

ARCHIVED: Final = ProductStatus.ARCHIVED


def plan_creation(data: dict[str, Any], categories: dict[str, Category]) -> ProductChange:
    """The change that creates a product of validated input. Raises the errors of `plan_update`."""
    change = ProductChange(Product(status=ProductStatus.DRAFT, handle=""), [])
    _edit(change, data, categories, derives_options=True)
    return change


def plan_update(
    product: Product, variants: Sequence[Variant], data: dict[str, Any], categories: dict[str, Category]
) -> ProductChange:
    """The change that merges validated input into a locked product; omitted fields stay.

    Raises `PublishRulesFailed`, `ProductArchived`, `CategoryNotFound`, `UnknownVariant`, `SkuTaken`, `OptionsDoNotFit`,
    `InvalidHandle`, `DescriptionTooLong`.
    """
    change = ProductChange(product, list(variants), status_before=product.status)
    _edit(change, data, categories, derives_options="options" not in data)
    return change


def plan_replacement(
    product: Product, variants: Sequence[Variant], data: dict[str, Any], categories: dict[str, Category]
) -> ProductChange:
    """The change that replaces a locked product by validated input; omitted fields get their defaults.

    Omitted variants are archived; an omitted handle or status stays. Raises the errors of `plan_update`.
    """
    change = ProductChange(product, list(variants), status_before=product.status)
    whole = {**_defaults(Product, {*PRODUCT_INPUT, "category", "attributes"} - {"handle"}), **data}
    of_variant = {**_defaults(Variant, {*VARIANT_INPUT} - {"sku"}), "currency": settings.DEFAULT_CURRENCY}
    whole["variants"] = [{**of_variant, "position": index, **variant} for index, variant in enumerate(data["variants"])]
    whole["options"] = data.get("options") or derived_options(variant["options"] for variant in whole["variants"])
    _edit(change, whole, categories, replaces=True)
    return change


def _defaults(model: type[Model], names: Container[str]) -> dict[str, Any]:
    return {field.name: field.get_default() for field in model._meta.concrete_fields if field.name in names}


def _edit(
    change: ProductChange,
    data: dict[str, Any],
    categories: dict[str, Category],
    *,
    replaces: bool = False,
    derives_options: bool = False,
) -> None:
    product = change.product
    change.is_edited |= assign(product, _cleaned({name: data[name] for name in PRODUCT_INPUT if name in data}))
    if "attributes" in data:
        _edit_attributes(change, {} if replaces else product.attributes, data["attributes"])
    if "category" in data:
        change.is_edited |= assign(product, {"category_id": _category_id(data["category"], categories)})
        product.category = categories.get(data["category"] or "")
    if "variants" in data:
        edit_variants(change, data["variants"])
    if replaces:
        archive_left_out(change)
    if "variants" in data or "options" in data:
        _derive_options(change, data, derives_options=derives_options)
        _fit_options(change, is_whole=data.get("is_whole", False))
    restores = data.get("is_whole", False) or data.get("restores", False)
    set_status(change, data.get("status", product.status), restores=restores)


def _cleaned(values: dict[str, Any]) -> dict[str, Any]:
    """The values as they are stored, for input of the API, of files and of a PMS."""
    if "description" in values:
        values["description"] = sanitized(values["description"])
        if len(values["description"]) > MAX_DESCRIPTION_LENGTH:
            raise DescriptionTooLong(MAX_DESCRIPTION_LENGTH)
    if values.get("handle"):
        values["handle"] = require_handle(values["handle"])
    return values


def _edit_attributes(change: ProductChange, attributes: dict[str, Any], patch: dict[str, Any] | None) -> None:
    merged = merge_patch(attributes, patch) or {}
    # Not orjson, which cannot write every number that PostgreSQL stores.
    if len(json.dumps(merged, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_ATTRIBUTES_BYTES:
        detail = _("Attributes take at most %(max)s bytes.") % {"max": MAX_ATTRIBUTES_BYTES}
        raise AttributesTooLarge(detail, errors=[FieldError("/attributes", AttributesTooLarge.code, detail)])
    change.is_edited |= assign(change.product, {"attributes": merged})


def _derive_options(change: ProductChange, data: dict[str, Any], *, derives_options: bool) -> None:
    product = change.product
    extends = data.get("is_whole") and "options" not in data
    if not derives_options or (product.options and not extends):
        return
    derived = derived_options((variant.options for variant in change.current), product.options)
    if repeated([option["name"] for option in derived]) is not None:
        detail = _("Two options have the same name, but for its case.")
        errors = [FieldError("/variants", "duplicate_option", detail)]
        raise OptionsDoNotFit(detail, code="duplicate_option", errors=errors)
    change.is_edited |= assign(product, {"options": derived})


def _fit_options(change: ProductChange, *, is_whole: bool) -> None:
    # Variants of the input come first: of two with the same option values, the other one is the misfit.
    current = sorted(change.current, key=lambda variant: change.pointer_to(variant) is None)
    found = list(misfits(change.product.options, current))
    if is_whole:
        archive_variants(change, [variant for variant, _, _ in found if change.pointer_to(variant) is None])
    errors = [
        FieldError(change.pointer_to(variant, "options") or "/options", code, detail)
        for variant, code, detail in found
        if not variant.is_archived
    ]
    if errors:
        raise OptionsDoNotFit(errors[0].detail, code=errors[0].code, errors=errors)


def set_status(change: ProductChange, status: str, *, restores: bool = False) -> None:
    """Sets the status; a change of it cancels the schedule.

    Raises `ProductArchived` if an archived product would change its status without `restores`; `PublishRulesFailed`.
    """
    product = change.product
    if product.status == ARCHIVED and status != ARCHIVED:
        if not restores:
            raise ProductArchived(_("The product is archived; restore it first."))
        product.status = ProductStatus.DRAFT
    if status == ProductStatus.ACTIVE:
        check_rules(product, change.current, change.pointer_to if change.input_index else None)
    product.status = status
    if status != change.status_before:
        product.publish_at = product.unpublish_at = None


def _category_id(slug: str | None, categories: dict[str, Category]) -> int | None:
    if slug is None:
        return None
    if slug not in categories:
        raise CategoryNotFound(slug)
    return categories[slug].pk


def merge_patch(target: Any, patch: Any) -> Any:
    """Merges as RFC 7396 says: members of `patch` replace those of `target`, null removes them."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def categories_named(inputs: Sequence[dict[str, Any]]) -> dict[str, Category]:
    """The categories that the inputs name, by slug; one statement."""
    slugs = {data["category"] for data in inputs if data.get("category")}
    return {category.slug: category for category in Category.objects.filter(slug__in=slugs)} if slugs else {}
