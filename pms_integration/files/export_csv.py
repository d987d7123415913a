"""An export in Shopify's columns; the import reads them back to the letter."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from pms_integration.files import columns
from pms_integration.files.categories import Categories
from pms_integration.files.cells import guarded, guarded_code, write_tags
from pms_integration.files.csv_lines import LINE_END, LineFeeds
from pms_integration.files.exports import ExportedProduct, ExportOptions, exported_products, most_options, url_of
from pms_integration.files.options import NO_OPTIONS
from pms_integration.files.product_cells import CODES
from products.models import ProductImage, ProductStatus, Variant

FLUSH_CHARACTERS = 64 * 1024


def csv_of(options: ExportOptions) -> Iterator[bytes]:
    """The file, in parts."""
    buffer = io.StringIO()
    writer = _Writer(buffer, options)
    for exported in exported_products(options):
        writer.write(exported)
        if buffer.tell() > FLUSH_CHARACTERS:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _guarded(column: str, cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    return guarded_code(cell) if column in CODES else guarded(cell)


class _Writer:
    def __init__(self, buffer: io.StringIO, options: ExportOptions) -> None:
        self._options = options
        self._categories = Categories()
        names = columns.exported_columns(max(columns.SHOPIFYS_OPTIONS, most_options()))
        # A column that its reader may not see, or may not send back, is not there: an empty one would empty.
        hidden = {columns.QUANTITY} if not options.with_quantity else set()
        hidden |= {columns.COST} if not options.with_cost else set()
        self._names = [name for name in names if name not in hidden]
        lines = LineFeeds(buffer)
        self._rows = csv.DictWriter(lines, self._names, extrasaction="ignore", lineterminator=LINE_END, restval="")
        self._rows.writeheader()

    def write(self, exported: ExportedProduct) -> None:
        """A line for each variant and picture, which share their lines as far as there are both."""
        count = max(1, len(exported.variants), len(exported.images))
        for index in range(count):
            row: dict[str, Any] = {columns.HANDLE: exported.product.handle}
            if index == 0:
                row |= self._of_product(exported)
            if index < len(exported.variants):
                variant = exported.variants[index]
                row |= self._of_variant(exported, variant)
            if index < len(exported.images):
                row |= self._of_image(exported.images[index])
            self._rows.writerow({name: _guarded(name, cell) for name, cell in row.items()})

    def _of_product(self, exported: ExportedProduct) -> dict[str, Any]:
        product = exported.product
        product_type = product.attributes.get("product_type")
        names = [option["name"] for option in product.options] or NO_OPTIONS[:1]
        return {
            columns.TITLE: product.name,
            columns.BODY: product.description,
            columns.VENDOR: product.brand,
            columns.CATEGORY: self._categories.name_of(product.category_id),
            columns.TYPE: product_type if isinstance(product_type, str) else "",
            columns.TAGS: write_tags(product.tags),
            columns.PUBLISHED: "true" if product.status == ProductStatus.ACTIVE else "false",
            columns.STATUS: product.status,
            **{columns.option_name(number): name for number, name in enumerate(names, 1)},
        }

    def _of_variant(self, exported: ExportedProduct, variant: Variant) -> dict[str, Any]:
        names = [option["name"] for option in exported.product.options]
        values = [variant.options.get(name, "") for name in names] or NO_OPTIONS[1:]
        return {
            **{columns.option_value(number): value for number, value in enumerate(values, 1)},
            columns.SKU: variant.sku,
            columns.GRAMS: variant.weight_grams,
            columns.QUANTITY: exported.quantities.get(variant.pk),
            columns.PRICE: variant.price,
            columns.COMPARE_AT: variant.compare_at_price,
            columns.BARCODE: variant.barcode,
            columns.CURRENCY: variant.currency,
            columns.COST: variant.cost,
        }

    def _of_image(self, image: ProductImage) -> dict[str, Any]:
        url = url_of(image, self._options.base_url)
        return {columns.IMAGE_SRC: url, columns.IMAGE_POSITION: image.position, columns.IMAGE_ALT: image.alt}
