"""Exports of the catalogue, as CSV in Shopify's columns or as JSON Lines; an import of an export changes nothing.

The catalogue is read in chunks of a few queries each, so that any size needs the same memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.files.storage import default_storage
from django.db import connection

from inventory.models import Location, StockLevel
from pms_backend.api.renderers import to_json
from pms_backend.api.spreadsheets import csv_row, guarded, guarded_code
from pms_integration.files.categories import Categories
from pms_integration.files.cells import CODES, write_tags
from pms_integration.files.columns import SHOPIFY_OPTIONS, Column, exported_columns, option_name, option_value
from pms_integration.files.limits import EXPORT_CHUNK
from pms_integration.files.variants import NO_OPTIONS
from products.models import Category, Product, ProductImage, ProductStatus, Variant

MIN_PART_BYTES: Final = 64 * 1024
_VARIANT_MEMBERS: Final = (
    "sku", "barcode", "name", "price", "currency", "compare_at_price", "weight_grams", "options", "position",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """The location of the quantities, whether to export quantities and cost, and the start of the URLs of our files."""

    location: Location | None
    with_quantity: bool
    with_cost: bool
    base_url: str


@dataclass(slots=True)
class ExportedProduct:
    """A product with everything that an export contains; `quantities` by variant."""

    product: Product
    variants: list[Variant] = field(default_factory=list)
    images: list[ProductImage] = field(default_factory=list)
    quantities: dict[int, int] = field(default_factory=dict)


def export_csv(options: ExportOptions) -> Iterator[bytes]:
    """The file in Shopify's columns, in parts."""
    names = exported_columns(max(SHOPIFY_OPTIONS, _most_options()))
    # A hidden column is left out, since an import of an empty one would clear the field.
    hidden: dict[str, bool] = {Column.QUANTITY: not options.with_quantity, Column.COST: not options.with_cost}
    names = [name for name in names if not hidden.get(name)]
    categories = Categories()
    part = bytearray(csv_row(names))
    for exported in _exported_products(options):
        for row in _csv_rows(exported, categories, options):
            part += csv_row(_guarded(name, row.get(name)) for name in names)
        if len(part) > MIN_PART_BYTES:
            yield bytes(part)
            part.clear()
    yield bytes(part)


def export_json_lines(options: ExportOptions) -> Iterator[bytes]:
    """The file with a product per line in the shape of `POST /products/`, in parts."""
    slugs = dict(Category.objects.values_list("pk", "slug"))
    for exported in _exported_products(options):
        yield to_json(_json_line(exported, slugs, options)) + b"\n"


EXPORTS: Final[dict[str, Callable[[ExportOptions], Iterator[bytes]]]] = {
    "csv": export_csv,
    "jsonl": export_json_lines,
}


def _exported_products(options: ExportOptions) -> Iterator[ExportedProduct]:
    """The drafts and active products by id, with their variants that are not archived."""
    after = 0
    while products := list(Product.objects.current().filter(pk__gt=after).order_by("pk")[:EXPORT_CHUNK]):
        found = {product.pk: ExportedProduct(product) for product in products}
        _add_variants(found, options)
        images = ProductImage.objects.filter(product_id__in=list(found)).select_related("image_file")
        for image in images.order_by("position", "id"):
            found[image.product_id].images.append(image)
        yield from found.values()
        after = products[-1].pk


def _add_variants(found: dict[int, ExportedProduct], options: ExportOptions) -> None:
    variants = Variant.objects.filter(product_id__in=list(found), is_archived=False).order_by("position", "id")
    product_of: dict[int, int] = {}
    for variant in variants:
        found[variant.product_id].variants.append(variant)
        product_of[variant.pk] = variant.product_id
    if options.location is None:
        return
    levels = StockLevel.objects.filter(variant_id__in=list(product_of), location=options.location).order_by()
    for variant_id, on_hand in levels.values_list("variant_id", "on_hand"):
        found[product_of[variant_id]].quantities[variant_id] = on_hand


def _most_options() -> int:
    """The largest number of options that a product has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(jsonb_array_length(options)), 0) FROM products_product WHERE status <> %s",
            [ProductStatus.ARCHIVED],
        )
        count: int = cursor.fetchone()[0]
    return count


def _url_of(image: ProductImage, options: ExportOptions) -> str:
    """The URL that the picture was fetched from, else the URL of our file."""
    if image.source_url or image.image_file is None:
        return image.source_url
    url = default_storage.url(str(image.image_file.file))
    return url if "://" in url else f"{options.base_url}{url}"


def _guarded(column: str, cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    return guarded_code(cell) if column in CODES else guarded(cell)


def _csv_rows(exported: ExportedProduct, categories: Categories, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """A row for each variant and each picture; the first variant shares its row with the first picture, and so on."""
    for index in range(max(1, len(exported.variants), len(exported.images))):
        row: dict[str, Any] = {Column.HANDLE: exported.product.handle}
        if index == 0:
            row |= _product_cells(exported.product, categories)
        if index < len(exported.variants):
            row |= _variant_cells(exported, exported.variants[index])
        if index < len(exported.images):
            image = exported.images[index]
            row |= {
                Column.IMAGE_SRC: _url_of(image, options),
                Column.IMAGE_POSITION: image.position,
                Column.IMAGE_ALT: image.alt,
            }
        yield row


def _product_cells(product: Product, categories: Categories) -> dict[str, Any]:
    product_type = product.attributes.get("product_type")
    names = [option["name"] for option in product.options] or NO_OPTIONS[:1]
    return {
        Column.TITLE: product.name,
        Column.BODY: product.description,
        Column.VENDOR: product.brand,
        Column.CATEGORY: categories.name_of(product.category_id),
        Column.TYPE: product_type if isinstance(product_type, str) else "",
        Column.TAGS: write_tags(product.tags),
        Column.PUBLISHED: "true" if product.status == ProductStatus.ACTIVE else "false",
        Column.STATUS: product.status,
        **{option_name(number): name for number, name in enumerate(names, 1)},
    }


def _variant_cells(exported: ExportedProduct, variant: Variant) -> dict[str, Any]:
    names = [option["name"] for option in exported.product.options]
    values = [variant.options.get(name, "") for name in names] or NO_OPTIONS[1:]
    return {
        **{option_value(number): value for number, value in enumerate(values, 1)},
        Column.SKU: variant.sku,
        Column.GRAMS: variant.weight_grams,
        Column.QUANTITY: exported.quantities.get(variant.pk),
        Column.PRICE: variant.price,
        Column.COMPARE_AT: variant.compare_at_price,
        Column.BARCODE: variant.barcode,
        Column.CURRENCY: variant.currency,
        Column.COST: variant.cost,
    }


def _json_line(exported: ExportedProduct, slugs: dict[int, str], options: ExportOptions) -> dict[str, Any]:
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
        "variants": [_json_variant(exported, variant, options) for variant in exported.variants],
        "images": [
            {"url": _url_of(image, options), "alt": image.alt, "position": image.position} for image in exported.images
        ],
    }


def _json_variant(exported: ExportedProduct, variant: Variant, options: ExportOptions) -> dict[str, Any]:
    members: dict[str, Any] = {name: getattr(variant, name) for name in _VARIANT_MEMBERS}
    if options.with_cost:
        members["cost"] = variant.cost
    if options.with_quantity:
        members["quantity"] = exported.quantities.get(variant.pk)
    return members
