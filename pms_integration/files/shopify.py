"""Parses the lines of products in Shopify's columns: the first line of a product also has the fields of the product.

An empty cell clears its field. Exceptions: an empty title, status, currency or quantity changes nothing, and a line
without a title changes only the fields of the product that it fills.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from pms_backend.api.spreadsheets import unguarded, unguarded_code
from pms_integration.files import limits
from pms_integration.files.cells import (
    CODES,
    PRODUCT_CELLS,
    UNTRIMMED,
    VARIANT_CELLS,
    BadCell,
    check_handle,
    check_option_name,
    check_option_value,
    check_sku,
    read_flag,
    read_position,
    read_quantity,
    read_status,
)
from pms_integration.files.columns import Column, Columns
from pms_integration.files.parsed_products import Block, ParsedImage, ParsedProduct, ParsedVariant
from pms_integration.files.records import Record
from pms_integration.files.woocommerce import cell_of, image_urls
from products.handles import clean_handle
from products.models import MAX_ALT_LENGTH, ProductStatus

_VARIANT_COLUMNS: Final = (
    Column.SKU, Column.GRAMS, Column.QUANTITY, Column.PRICE, Column.COMPARE_AT, Column.BARCODE, Column.CURRENCY,
    Column.COST,
)  # fmt: skip


def read_blocks(records: Iterator[Record], columns: Columns) -> Iterator[Block]:
    """Groups neighbouring lines with the same handle; a line without a handle is a block of its own."""
    block: Block | None = None
    for record in records:
        written = _written_handle(columns, record)
        handle = clean_handle(written) or written
        if block is None or not handle or handle != block.handle:
            if block is not None:
                yield block
            block = Block(handle, [], record.end)
        block.add(record)
        block.end = record.end
    if block is not None:
        yield block


def _written_handle(columns: Columns, record: Record) -> str:
    return unguarded(columns.cell(record.values, Column.HANDLE).strip())


class BlockParser:
    """Parses the blocks of one file."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._product_cells = [cell for cell in PRODUCT_CELLS if columns.has(cell[0])]
        self._variant_cells = [cell for cell in VARIANT_CELLS if columns.has(cell[0])]
        # A line is a variant if it fills one of these.
        self._variant_columns = [
            column for column in (*columns.option_values, *_VARIANT_COLUMNS) if columns.has(column)
        ]

    def parse(self, block: Block) -> ParsedProduct:
        """The product of a block, with its problems."""
        first = block.records[0]
        parsed = ParsedProduct(
            first.start, block.end, block.count, block.size, handle=block.handle, columns=self._columns
        )
        parsed.option_columns = len(self._columns.option_values)
        parsed.is_found_by_sku = self._columns.is_woocommerce
        parsed.problems.extend(record.problem for record in block.records if record.problem is not None)
        sound = [record for record in block.records if record.problem is None]
        if block.is_too_large:
            detail = (
                f"The product has {block.count} lines of {block.size} bytes; "
                f"{limits.MAX_LINES_PER_PRODUCT} of {limits.MAX_PRODUCT_BYTES} are the most."
            )
            parsed.refuse(first.line, Column.HANDLE, "too_many_lines", detail)
            return parsed
        self._read_handle(parsed, first)
        if block.handle or parsed.is_found_by_sku:
            if sound and sound[0] is first:
                parsed.option_names = self._read_options(parsed, first, self._columns.option_names, check_option_name)
                if not block.has_only_variants:
                    self._read_product(parsed, first)
            for record in sound:
                self._read_variant(parsed, record)
                self._read_images(parsed, record)
        return parsed

    def _read_handle(self, parsed: ParsedProduct, record: Record) -> None:
        if parsed.is_found_by_sku:
            return
        if parsed.handle:
            written = _written_handle(self._columns, record)
            if self._try(parsed, record.line, Column.HANDLE, check_handle, written) not in (None, written):
                parsed.warn_of_changed_handle(Column.HANDLE, parsed.handle)
        elif not parsed.problems:
            parsed.refuse(record.line, Column.HANDLE, "handle_missing", "The line has no handle.")

    def _read_product(self, parsed: ParsedProduct, record: Record) -> None:
        has_title = Column.TITLE not in self._columns or bool(self._cell(record, Column.TITLE))
        for column, name, read in self._product_cells:
            cell = self._cell(record, column)
            if cell or has_title:
                parsed.values[name] = self._try(parsed, record.line, column, read, cell)
        parsed.product_type = self._text(record, Column.TYPE, may_be_empty=has_title)
        parsed.category = self._text(record, Column.CATEGORY, may_be_empty=has_title)
        self._read_status(parsed, record)

    def _read_options(
        self, parsed: ParsedProduct, record: Record, columns: list[str], check: Callable[[str], Any]
    ) -> list[str]:
        """The names or the values of the options, without the empty ones at the end."""
        cells = [self._cell(record, column) for column in columns]
        for column, cell in zip(columns, cells, strict=True):
            if cell:
                self._try(parsed, record.line, column, check, cell)
        while cells and not cells[-1]:
            cells.pop()
        return cells

    def _read_status(self, parsed: ParsedProduct, record: Record) -> None:
        word, cell = self._cell(record, Column.STATUS), self._cell(record, Column.PUBLISHED)
        status = self._try(parsed, record.line, Column.STATUS, read_status, word) if word else None
        is_published = self._try(parsed, record.line, Column.PUBLISHED, read_flag, cell) if cell else None
        if is_published is False and status in (None, ProductStatus.ACTIVE):
            status = ProductStatus.DRAFT
        elif is_published and status is None:
            status = ProductStatus.ACTIVE
        if status is not None:
            parsed.values["status"] = str(status)

    def _read_variant(self, parsed: ParsedProduct, record: Record) -> None:
        if not any(self._cell(record, column) for column in self._variant_columns):
            return
        variant = ParsedVariant(record.line)
        variant.option_values = self._read_options(parsed, record, self._columns.option_values, check_option_value)
        if sku := self._cell(record, Column.SKU):
            variant.sku = self._try(parsed, record.line, Column.SKU, check_sku, sku) or ""
        for column, name, read in self._variant_cells:
            cell = self._cell(record, column)
            if cell or name != "currency":
                variant.values[name] = self._try(parsed, record.line, column, read, cell)
        parsed.warn_of_codes(record.line, Column.SKU, variant.sku, Column.BARCODE, variant.values.get("barcode") or "")
        if quantity := self._cell(record, Column.QUANTITY):
            number = self._try(parsed, record.line, Column.QUANTITY, read_quantity, quantity)
            parsed.set_quantity(variant, Column.QUANTITY, number)
        parsed.variants.append(variant)

    def _read_images(self, parsed: ParsedProduct, record: Record) -> None:
        for url in map(unguarded, image_urls(self._columns, record.values)):
            alt = self._cell(record, Column.IMAGE_ALT)[:MAX_ALT_LENGTH] if Column.IMAGE_ALT in self._columns else None
            image = ParsedImage(record.line, url, alt)
            position = self._cell(record, Column.IMAGE_POSITION)
            if parsed.add_image(image, Column.IMAGE_SRC) and position:
                image.position = self._try(parsed, record.line, Column.IMAGE_POSITION, read_position, position)

    def _text(self, record: Record, column: str, *, may_be_empty: bool) -> str | None:
        cell = self._cell(record, column)
        return cell if self._columns.has(column) and (cell or may_be_empty) else None

    def _cell(self, record: Record, column: str) -> str:
        cell = cell_of(self._columns, record.values, column)
        if column in CODES:
            return unguarded_code(cell.strip())
        return unguarded(cell if column in UNTRIMMED else cell.strip())

    def _try(self, parsed: ParsedProduct, line: int, column: str, read: Callable[[str], Any], cell: str) -> Any:
        try:
            return read(cell)
        except BadCell as error:
            parsed.refuse(line, column, error.code, error.detail)
            return None
