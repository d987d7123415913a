"""The values of products by the names of `product_fields`: ours, and those that a PMS reports."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from django.conf import settings

from pms_integration.services.product_fields import (
    MONEY_FIELDS,
    PRODUCT_FIELDS,
    VARIANT_FIELDS,
    Values,
    shown_name,
    skus_of,
    split,
    variant_field,
    variants_of,
)
from pms_integration.services.valid_reports import ExternalProduct
from products.images.names import url_of
from products.models import Product, ProductImage, Variant
from products.skus import sku_key

# Of a text in a difference.
MAX_SHOWN_LENGTH: Final = 500


def values_of_products(product_ids: Collection[int]) -> dict[int, Values]:
    """Our values of each product, with those of its current variants and its images; three statements."""
    if not product_ids:
        return {}
    found: dict[int, Values] = {}
    products = Product.objects.filter(pk__in=product_ids).values_list("pk", "category__slug", *PRODUCT_FIELDS)
    for pk, category, *values in products:
        found[pk] = {**dict(zip(PRODUCT_FIELDS, values, strict=True)), "category": category}
    variants = Variant.objects.filter(product__in=product_ids, is_archived=False).order_by("position", "pk")
    for product, key, *values in variants.values_list("product", "sku_key", *VARIANT_FIELDS):
        named = zip(VARIANT_FIELDS, map(_as_json, values), strict=True)
        found[product] |= {variant_field(key, name): value for name, value in named}
    images: dict[int, list[Any]] = defaultdict(list)
    listed = ProductImage.objects.filter(product__in=product_ids).order_by("position", "pk")
    for product, url, name, alt in listed.values_list("product", "source_url", "image_file__file", "alt"):
        images[product].append({"url": url or name, "alt": alt})
    for pk, values_of_product in found.items():
        values_of_product["images"] = images[pk]
    return found


def values_of_report(report: ExternalProduct, categories: Mapping[str, str]) -> Values:
    """The values that a report tells; `categories` has our slugs of the PMS's names."""
    data = report.data or {}
    values: Values = {name: data[name] for name in PRODUCT_FIELDS if name in data}
    if data.get("category") is not None:
        values["category"] = categories.get(data["category"], data["category"])
    if report.images is not None:
        values["images"] = [{"url": _image_name(url), "alt": alt} for url, alt in report.images.items()]
    for variant in data.get("variants", ()):
        key = sku_key(variant["sku"])
        # Without a value too: it says that the PMS has the variant.
        values |= {variant_field(key, name): _as_json(variant.get(name)) for name in VARIANT_FIELDS}
    return values


def known_values(told: Values, before: Values) -> Values:
    """The values of the PMS after a report: what it does not tell stays, but for variants that it does not have."""
    variants = variants_of(told)
    if not variants:
        return {**before, **told}
    kept = {name: value for name, value in before.items() if not name.startswith("variants[")}
    of_variants = variants_of(before)
    stays = {
        variant_field(key, name): value
        for key, values in variants.items()
        for name, value in of_variants.get(key, {}).items()
        if values.get(name) is None
    }
    return {**kept, **told, **stays}


def input_of(values: Values, skus: Mapping[str, str], named: Collection[str]) -> dict[str, Any]:
    """The values as input of the catalogue's services, without images.

    `named` are the keys of the variants that it names, beside those of which it has values.
    """
    fields = {name: value for name, value in values.items() if name in PRODUCT_FIELDS or name == "category"}
    of_variants = variants_of(values)
    variants = [
        {"sku": skus[key], **_variant_input(of_variants.get(key, {}))} for key in dict.fromkeys((*named, *of_variants))
    ]
    return {**fields, "variants": variants} if variants else fields


def _variant_input(values: Values) -> Values:
    told = {name: value for name, value in values.items() if value is not None}
    return {name: Decimal(value) if name in MONEY_FIELDS else value for name, value in told.items()}


def images_of(values: Values) -> dict[str, str | None]:
    """The texts of images by their URLs, in order."""
    return {image_url(image["url"]): image["alt"] for image in values["images"]}


def image_url(name: str) -> str:
    """The URL of an image: its source, or that of its file in our storage."""
    return name if "://" in name else url_of(name)


def _image_name(url: str) -> str:
    """The name of our file, if the URL is of one."""
    return url.removeprefix(settings.MEDIA_URL) if "://" in settings.MEDIA_URL else url


def changed_fields(before: Values, after: Values) -> list[tuple[str, Any, Any]]:
    """Name, value before and value after of each field that has changed; None where it did not exist."""
    skus = skus_of(after, before)
    names = [*after, *(name for name in before if name not in after)]
    changed = ((name, before.get(name), after.get(name)) for name in names if not name.endswith("].sku"))
    return [(shown_name(name, skus), shown(old), shown(new)) for name, old, new in changed if old != new]


def first_sku(values: Values) -> str:
    """The SKU of the first variant; empty if there is none."""
    return next((each["sku"] for each in variants_of(values).values()), "")


def sku_of_field(name: str) -> str:
    """The SKU in the shown name of a variant's field; empty for a field of the product."""
    of_variant = split(name)
    return of_variant[0] if of_variant else ""


def shown(value: Any) -> Any:
    """The value as differences show it."""
    if isinstance(value, str) and len(value) > MAX_SHOWN_LENGTH:
        return f"{value[:MAX_SHOWN_LENGTH]}…"
    return value


def _as_json(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, Decimal) else value
