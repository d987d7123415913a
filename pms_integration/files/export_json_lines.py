"""An export of a product a line, in the shape that `POST /products/` takes."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pms_backend.api.renderers import to_json
from pms_integration.files.exports import ExportedProduct, ExportOptions, exported_products, url_of
from products.models import Category, Variant


def json_lines_of(options: ExportOptions) -> Iterator[bytes]:
    """The file, in parts."""
    slugs = dict(Category.objects.values_list("pk", "slug"))
    for exported in exported_products(options):
        yield to_json(_line(exported, slugs, options)) + b"\n"


def _line(exported: ExportedProduct, slugs: dict[int, str], options: ExportOptions) -> dict[str, Any]:
    product = exported.product
    return {
        "handle": product.handle,
        "name": product.name,
        "description": product.description,
        "brand": product.brand,
        "status": product.status,
        "category": slugs[product.category_id] if product.category_id else None,
        "tags": product.tags,
        "attributes": product.attributes,
        "options": product.options,
        "variants": [_variant(exported, variant, options) for variant in exported.variants],
        "images": [
            {"url": url_of(image, options.base_url), "alt": image.alt, "position": image.position}
            for image in exported.images
        ],
    }


def _variant(exported: ExportedProduct, variant: Variant, options: ExportOptions) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "sku": variant.sku,
        "barcode": variant.barcode,
        "name": variant.name,
        "price": _amount(variant.price),
        "currency": variant.currency,
        "compare_at_price": _amount(variant.compare_at_price),
        "weight_grams": variant.weight_grams,
        "options": variant.options,
        "position": variant.position,
    }
    if options.with_cost:
        shown["cost"] = _amount(variant.cost)
    if options.with_quantity:
        shown["quantity"] = exported.quantities.get(variant.pk)
    return shown


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.2f}"
