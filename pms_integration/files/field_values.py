"""The values of products before and after an import, and the fields in which they differ, by their names in the API."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from inventory.models import Location, StockLevel
from pms_integration.files.limits import MAX_SHOWN_VALUE
from products.models import Product, ProductImage, Variant

Values = dict[str, Any]
# `{"field", "from", "to"}`.
Change = dict[str, Any]

QUANTITY: Final = "on_hand"
_PRODUCT: Final = ("handle", "name", "description", "brand", "status", "tags", "attributes", "options")
_VARIANT: Final = (
    *("sku", "barcode", "name", "price", "currency", "compare_at_price", "cost", "weight_grams", "options"),
    "position",
)
# Of what is new, only these and only those that have a value.
_MAIN_OF_PRODUCT: Final = ("name", "status", "brand", "category")
_MAIN_OF_VARIANT: Final = ("barcode", "price", "cost", QUANTITY)


@dataclass(slots=True)
class ProductValues:
    """The fields of a product, of its variants by their ids, in their order, and of its images by their sources."""

    product: Values
    variants: dict[int, Values] = field(default_factory=dict)
    images: dict[str, Values] = field(default_factory=dict)

    @property
    def skus(self) -> list[str]:
        """The SKUs of the variants."""
        return [variant["sku"] for variant in self.variants.values()]


def read_values(product_ids: Collection[int], location: Location | None) -> dict[int, ProductValues]:
    """The values of these products as they are now, with the quantities at the location; four statements."""
    if not product_ids:
        return {}
    found: dict[int, ProductValues] = {}
    products = Product.objects.filter(pk__in=product_ids).order_by()
    for pk, category, *values in products.values_list("pk", "category__slug", *_PRODUCT):
        found[pk] = ProductValues({**dict(zip(_PRODUCT, values, strict=True)), "category": category})
    quantities = _quantities(product_ids, location)
    variants = Variant.objects.filter(product_id__in=product_ids, is_archived=False).order_by("position", "id")
    for pk, product_id, *values in variants.values_list("pk", "product_id", *_VARIANT):
        variant = {**dict(zip(_VARIANT, values, strict=True)), QUANTITY: quantities.get(pk)}
        found[product_id].variants[pk] = variant
    images = ProductImage.objects.filter(product_id__in=product_ids).order_by("position", "id")
    for product_id, url, file, alt, position in images.values_list(
        "product_id", "source_url", "image_file__file", "alt", "position"
    ):
        found[product_id].images[url or file] = {"alt": alt, "position": position}
    return found


def _quantities(product_ids: Collection[int], location: Location | None) -> dict[int, int]:
    if location is None:
        return {}
    levels = StockLevel.objects.filter(variant__product_id__in=product_ids, location=location).order_by()
    return dict(levels.values_list("variant_id", "on_hand"))


def changes_between(before: ProductValues | None, after: ProductValues) -> list[Change]:
    """The fields that differ; of a new product, and of a new variant, the main values."""
    if before is None:
        return [*_main_values("{}", after.product, _MAIN_OF_PRODUCT), *_changed_variants({}, after.variants)]
    return [
        *_changed("{}", before.product, after.product),
        *_changed_variants(before.variants, after.variants),
        *_changed_images(before.images, after.images),
    ]


def _changed_variants(before: dict[int, Values], after: dict[int, Values]) -> Iterator[Change]:
    for pk, values in after.items():
        if pk in before:
            yield from _changed(_name(f"variants[{before[pk]['sku']}]"), before[pk], values)
        else:
            name = _name(f"variants[{values['sku']}]")
            yield from _main_values(name, values, ("sku", *_MAIN_OF_VARIANT) if before else _MAIN_OF_VARIANT)
    for pk, values in before.items():
        if pk not in after:
            yield {"field": f"variants[{values['sku']}].sku", "from": values["sku"], "to": None}


def _changed_images(before: dict[str, Values], after: dict[str, Values]) -> Iterator[Change]:
    for source, values in after.items():
        yield from _changed(_name(f"images[{source}]"), before.get(source, {}), values)


def _name(path: str) -> str:
    """The pattern of the names of fields below a path, which may hold braces itself."""
    return path.replace("{", "{{").replace("}", "}}") + ".{}"


def _changed(name: str, before: Values, after: Values) -> Iterator[Change]:
    for key, value in after.items():
        old = before.get(key)
        if old != value and (before or value not in (None, "")):
            yield {"field": name.format(key), "from": _shown(old), "to": _shown(value)}


def _main_values(name: str, values: Values, names: Collection[str]) -> Iterator[Change]:
    for key in names:
        if values[key] not in (None, ""):
            yield {"field": name.format(key), "from": None, "to": _shown(values[key])}


def _shown(value: Any) -> Any:
    """The value in JSON; text, lists and objects that are very long become shortened text."""
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_SHOWN_VALUE else f"{text[:MAX_SHOWN_VALUE]}…"
