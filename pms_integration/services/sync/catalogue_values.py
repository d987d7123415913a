"""The values of products of ours by the names that field groups and differences use (docs/api-guide.md)."""

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final

from products.models import Product, ProductImage, Variant

PRODUCT_FIELDS: Final = ("name", "handle", "description", "brand", "tags", "attributes", "options", "status")
VARIANT_FIELDS: Final = (
    *("barcode", "name", "options", "weight_grams", "position"),
    *("price", "currency", "compare_at_price", "cost"),
)
# Of a text in a difference.
MAX_SHOWN_LENGTH: Final = 500

# By the names of the fields: `name`, `category`, `variants[A-1].price`.
Values = dict[str, Any]


def values_of_products(product_ids: Collection[int]) -> dict[int, Values]:
    """The values of each product, with those of its current variants and its images; three statements."""
    if not product_ids:
        return {}
    found: dict[int, Values] = {}
    products = Product.objects.filter(pk__in=product_ids).values_list("pk", "category__slug", *PRODUCT_FIELDS)
    for pk, category, *values in products:
        found[pk] = {**dict(zip(PRODUCT_FIELDS, values, strict=True)), "category": category}
    variants = Variant.objects.filter(product__in=product_ids, is_archived=False).order_by("position", "pk")
    for product, sku, *values in variants.values_list("product", "sku", *VARIANT_FIELDS):
        named = zip(VARIANT_FIELDS, map(_as_json, values), strict=True)
        found[product] |= {f"variants[{sku}].{name}": value for name, value in named}
    images: dict[int, list[Any]] = defaultdict(list)
    shown = ProductImage.objects.filter(product__in=product_ids).order_by("position", "pk")
    for product, url, name, alt in shown.values_list("product", "source_url", "image_file__file", "alt"):
        images[product].append({"url": url or name, "alt": alt})
    for pk, values_of_product in found.items():
        values_of_product["images"] = images[pk]
    return found


def changed_fields(before: Values, after: Values) -> list[tuple[str, Any, Any]]:
    """Name, value before and value after of each field that has changed; None where it did not exist."""
    names = [*after, *(name for name in before if name not in after)]
    changed = ((name, before.get(name), after.get(name)) for name in names)
    return [(name, _shown(old), _shown(new)) for name, old, new in changed if old != new]


def first_sku(values: Values) -> str:
    """The SKU of the first variant; empty if there is none."""
    skus = (name.removeprefix("variants[").rpartition("].")[0] for name in values if name.startswith("variants["))
    return next(skus, "")


def sku_of_field(name: str) -> str:
    """The SKU in the name of a variant's field; empty for a field of the product."""
    return name.removeprefix("variants[").rpartition("].")[0] if name.startswith("variants[") else ""


def _as_json(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, Decimal) else value


def _shown(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_SHOWN_LENGTH:
        return f"{value[:MAX_SHOWN_LENGTH]}…"
    return value
