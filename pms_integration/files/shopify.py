"""Shopify's CSV: the lines of a product stand together, the first has what is the product's own.

A column that is there says everything: an empty cell empties. Exceptions: an empty title, status, currency or quantity
leaves what there is, and a line without a title (a product's later ones) has no fields of the product but those filled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pms_integration.files.cells import BadCell, read_flag, unguarded, unguarded_code
from pms_integration.files.code_warnings import changed_handle, warnings_of_codes
from pms_integration.files.columns import (
    BARCODE,
    COMPARE_AT,
    COST,
    CURRENCY,
    GRAMS,
    HANDLE,
    IMAGE_ALT,
    IMAGE_POSITION,
    IMAGE_SRC,
    PRICE,
    PUBLISHED,
    QUANTITY,
    SKU,
    STATUS,
    TITLE,
    Columns,
)
from pms_integration.files.image_urls import problem_of_url
from pms_integration.files.limits import MAX_LINES_PER_PRODUCT, MAX_PRODUCT_BYTES
from pms_integration.files.parsed_products import Draft, ImageDraft, VariantDraft
from pms_integration.files.product_cells import (
    AS_THEY_ARE,
    CODES,
    PRODUCT_CELLS,
    VARIANT_CELLS,
    check_handle,
    check_option_name,
    check_option_value,
    check_sku,
    read_position,
    read_quantity,
    read_status_word,
)
from pms_integration.files.records import Place, Record
from pms_integration.files.woocommerce_cells import cell_of, image_urls
from products.handles import clean_handle
from products.models import MAX_ALT_LENGTH, ProductStatus

_OF_A_VARIANT: Final = (SKU, GRAMS, QUANTITY, PRICE, COMPARE_AT, BARCODE, CURRENCY, COST)


@dataclass(slots=True)
class Block:
    """The lines of a product, no more than may be one; `count` says how many there are, `size` how many bytes.

    `end` is where reading goes on. A block `of_variants` has no line of the product itself.
    """

    handle: str
    records: list[Record]
    end: Place
    count: int = 1
    size: int = 0
    of_variants: bool = False

    @property
    def is_too_large(self) -> bool:
        """Whether not all of its lines are here."""
        return self.count > MAX_LINES_PER_PRODUCT or self.size > MAX_PRODUCT_BYTES

    def add(self, record: Record) -> None:
        """One more line."""
        self.count += 1
        self.size += record.end.offset - record.start.offset
        if not self.is_too_large:
            self.records.append(record)


def blocks_of(records: Iterator[Record], columns: Columns) -> Iterator[Block]:
    """Parts the lines by their handles; a line without one is a block by itself."""
    block: Block | None = None
    for record in records:
        written = written_handle(columns, record)
        handle = clean_handle(written) or written
        if block is not None and handle and handle == block.handle:
            block.add(record)
            block.end = record.end
            continue
        if block is not None:
            yield block
        block = Block(handle, [record], record.end, size=record.end.offset - record.start.offset)
    if block is not None:
        yield block


def written_handle(columns: Columns, record: Record) -> str:
    """The handle as the line has it."""
    return unguarded(columns.cell(record.values, HANDLE).strip())


class BlockReader:
    """Makes drafts of blocks."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._product_columns = [(column, read) for column, read in PRODUCT_CELLS.items() if columns.has(column)]
        self._variant_columns = [(column, name, read) for column, name, read in VARIANT_CELLS if columns.has(column)]
        self._marks_of_a_variant = [
            column for column in (*columns.option_values, *_OF_A_VARIANT) if columns.has(column)
        ]

    def draft(self, block: Block) -> Draft:
        """What the block says, or what is wrong with it."""
        first = block.records[0]
        draft = Draft(first.start, block.end, block.count, handle=block.handle, columns=self._columns)
        draft.option_columns = len(self._columns.option_values)
        draft.is_found_by_sku = self._columns.is_woocommerces
        draft.problems.extend(record.problem for record in block.records if record.problem is not None)
        sound = [record for record in block.records if record.problem is None]
        if block.is_too_large:
            detail = (
                f"The product has {block.count} lines of {block.size} bytes; "
                f"{MAX_LINES_PER_PRODUCT} of {MAX_PRODUCT_BYTES} are the most."
            )
            draft.refuse(first.line, HANDLE, "too_many_lines", detail)
            return draft
        self._read_handle(draft, first)
        if block.handle or draft.is_found_by_sku:
            if sound and sound[0] is first:
                draft.option_names = self._option_names(draft, first)
                if not block.of_variants:
                    self._read_product(draft, first)
            for record in sound:
                self._read_variant(draft, record)
                self._read_images(draft, record)
        return draft

    def _read_handle(self, draft: Draft, record: Record) -> None:
        if draft.is_found_by_sku:
            return
        if draft.handle:
            written = written_handle(self._columns, record)
            if self._try(draft, record.line, HANDLE, check_handle, written) not in (None, written):
                draft.warn(record.line, HANDLE, *changed_handle(draft.handle))
        elif not draft.problems:
            draft.refuse(record.line, HANDLE, "handle_missing", "The line has no handle.")

    def _read_product(self, draft: Draft, record: Record) -> None:
        has_title = TITLE not in self._columns or bool(self._cell(record, TITLE))
        for column, read in self._product_columns:
            cell = self._cell(record, column)
            if cell or has_title:
                self._try(draft, record.line, column, read, draft, cell)
        self._read_status(draft, record)

    def _option_names(self, draft: Draft, record: Record) -> list[str]:
        names = [self._cell(record, column) for column in self._columns.option_names]
        for column, name in zip(self._columns.option_names, names, strict=True):
            if name:
                self._try(draft, record.line, column, check_option_name, name)
        while names and not names[-1]:
            names.pop()
        return names

    def _read_status(self, draft: Draft, record: Record) -> None:
        word, cell = self._cell(record, STATUS), self._cell(record, PUBLISHED)
        status = self._try(draft, record.line, STATUS, read_status_word, word) if word else None
        is_published = self._try(draft, record.line, PUBLISHED, read_flag, cell) if cell else None
        if is_published is False and status in (None, ProductStatus.ACTIVE):
            status = ProductStatus.DRAFT
        elif is_published and status is None:
            status = ProductStatus.ACTIVE
        if status is not None:
            draft.values["status"] = str(status)

    def _read_variant(self, draft: Draft, record: Record) -> None:
        if not any(self._cell(record, column) for column in self._marks_of_a_variant):
            return
        variant = VariantDraft(record.line)
        variant.option_values = self._option_values(draft, record)
        if sku := self._cell(record, SKU):
            variant.sku = self._try(draft, record.line, SKU, check_sku, sku) or ""
        for column, name, read in self._variant_columns:
            cell = self._cell(record, column)
            if cell or name != "currency":
                variant.values[name] = self._try(draft, record.line, column, read, cell)
        for code, detail in warnings_of_codes(variant.sku, variant.values.get("barcode") or ""):
            draft.warn(record.line, BARCODE if code == "invalid_barcode" else SKU, code, detail)
        self._read_quantity(draft, record, variant)
        draft.variants.append(variant)

    def _option_values(self, draft: Draft, record: Record) -> list[str]:
        values = [self._cell(record, column) for column in self._columns.option_values]
        for column, value in zip(self._columns.option_values, values, strict=True):
            if value:
                self._try(draft, record.line, column, check_option_value, value)
        while values and not values[-1]:
            values.pop()
        return values

    def _read_quantity(self, draft: Draft, record: Record, variant: VariantDraft) -> None:
        if quantity := self._cell(record, QUANTITY):
            variant.quantity = self._try(draft, record.line, QUANTITY, read_quantity, quantity)
            if variant.quantity is not None and variant.quantity < 0:
                detail = f"{variant.quantity} is no figure that anybody can count; the stock stays as it is."
                draft.warn(record.line, QUANTITY, "negative_quantity", detail)
                variant.quantity = None

    def _read_images(self, draft: Draft, record: Record) -> None:
        for url in map(unguarded, image_urls(self._columns, record.values)):
            if problem := problem_of_url(url):
                draft.warn(record.line, IMAGE_SRC, "invalid_image_url", problem)
                continue
            image = ImageDraft(record.line, url)
            if IMAGE_ALT in self._columns:
                image.alt = self._cell(record, IMAGE_ALT)[:MAX_ALT_LENGTH]
            if position := self._cell(record, IMAGE_POSITION):
                image.position = self._try(draft, record.line, IMAGE_POSITION, read_position, position)
            draft.images.append(image)

    def _cell(self, record: Record, column: str) -> str:
        cell = cell_of(self._columns, record.values, column)
        if column in CODES:
            return unguarded_code(cell.strip())
        return unguarded(cell if column in AS_THEY_ARE else cell.strip())

    def _try(self, draft: Draft, line: int, column: str, read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except BadCell as error:
            draft.refuse(line, column, error.code, error.detail)
            return None
