"""Shopify's CSV: the lines of a product stand together, the first has what is the product's own.

A column that is there says everything: an empty cell empties. Exceptions: an empty title, status, currency or quantity
leaves what there is, and a line without a title (a product's later ones) has no fields of the product but those filled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from inventory.models import MAX_QUANTITY
from pms_integration.files.cells import (
    BadCell,
    checked_by,
    read_amount,
    read_flag,
    read_tags,
    read_whole,
    remembered,
    unguarded,
)
from pms_integration.files.columns import (
    BARCODE,
    BODY,
    CATEGORY,
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
    TAGS,
    TITLE,
    TYPE,
    VENDOR,
    Columns,
)  # fmt: skip
from pms_integration.files.drafts import Draft, ImageDraft, VariantDraft
from pms_integration.files.html import sanitized
from pms_integration.files.image_urls import problem_of_url
from pms_integration.files.limits import MAX_LINES_PER_PRODUCT
from pms_integration.files.records import Record
from products.models import MAX_ALT_LENGTH, ProductStatus
from products.serializers import MAX_POSITION, OptionSerializer, ProductInputSerializer, VariantInputSerializer

# Free text, in which outer spaces may mean something.
_AS_THEY_ARE: Final = frozenset({BODY, TYPE, IMAGE_ALT})
_PRODUCT: Final[Any] = ProductInputSerializer().fields
_VARIANT: Final[Any] = VariantInputSerializer().fields
_STATUSES: Final = {
    "active": ProductStatus.ACTIVE,
    "draft": ProductStatus.DRAFT,
    "archived": ProductStatus.ARCHIVED,
    "unlisted": ProductStatus.DRAFT,
}
_check_handle = checked_by(_PRODUCT["handle"])
_check_title = checked_by(_PRODUCT["name"])
_check_body = checked_by(_PRODUCT["description"])
_check_vendor = remembered(checked_by(_PRODUCT["brand"]))
_check_tags = checked_by(_PRODUCT["tags"])
_check_option_name = remembered(checked_by(OptionSerializer().fields["name"]))
_check_option_value = remembered(checked_by(_VARIANT["options"].child))
_check_sku = checked_by(_VARIANT["sku"])
_check_currency = remembered(checked_by(_VARIANT["currency"]))
_check_amount = remembered(checked_by(_VARIANT["price"]))
_check_weight = remembered(checked_by(_VARIANT["weight_grams"]))
_check_barcode = checked_by(_VARIANT["barcode"])


@dataclass(slots=True)
class Block:
    """Lines that stand together and name the same product, no more than may be one; `count` says how many there are."""

    handle: str
    records: list[Record]
    count: int = 1

    @property
    def end(self) -> Any:
        """Behind its last line."""
        return self.records[-1].end


def blocks_of(records: Iterator[Record], handle_column: int) -> Iterator[Block]:
    """Parts the lines by their handles; a line without one is a block by itself."""
    block: Block | None = None
    for record in records:
        cells = record.values
        handle = unguarded(cells[handle_column].strip()) if handle_column < len(cells) else ""
        if block is not None and handle and handle == block.handle:
            block.count += 1
            if block.count > MAX_LINES_PER_PRODUCT + 1:
                block.records[-1] = record
            else:
                block.records.append(record)
            continue
        if block is not None:
            yield block
        block = Block(handle, [record])
    if block is not None:
        yield block


class BlockReader:
    """Makes drafts of blocks."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._product_columns = [(column, read) for column, read in _PRODUCT_CELLS.items() if column in columns]
        self._variant_columns = [(column, name, read) for column, name, read in _VARIANT_CELLS if column in columns]
        self._marks_of_a_variant = [
            columns.index(column)
            for column in (*columns.option_values, SKU, GRAMS, QUANTITY, PRICE, COMPARE_AT, BARCODE, CURRENCY, COST)
            if column in columns
        ]

    def draft(self, block: Block) -> Draft:
        """What the block says, or what is wrong with it."""
        first = block.records[0]
        draft = Draft(first.start, block.end, block.count, handle=block.handle)
        draft.problems.extend(record.problem for record in block.records if record.problem is not None)
        sound = [record for record in block.records if record.problem is None]
        if block.count > MAX_LINES_PER_PRODUCT:
            detail = f"The product has {block.count} lines; {MAX_LINES_PER_PRODUCT} are the most."
            draft.refuse(first.line, HANDLE, "too_many_lines", detail)
            return draft
        if not block.handle:
            if not draft.problems:
                draft.refuse(first.line, HANDLE, "handle_missing", "The line has no handle.")
            return draft
        self._try(draft, first.line, HANDLE, _check_handle, block.handle)
        if sound and sound[0] is first:
            self._read_product(draft, first)
        for record in sound:
            self._read_variant(draft, record)
            self._read_image(draft, record)
        return draft

    def _read_product(self, draft: Draft, record: Record) -> None:
        has_title = TITLE not in self._columns or bool(self._cell(record, TITLE))
        for column, read in self._product_columns:
            cell = self._cell(record, column)
            if cell or has_title:
                self._try(draft, record.line, column, read, draft, cell)
        self._read_status(draft, record)
        names = [self._cell(record, column) for column in self._columns.option_names]
        for column, name in zip(self._columns.option_names, names, strict=True):
            if name:
                self._try(draft, record.line, column, _check_option_name, name)
        while names and not names[-1]:
            names.pop()
        draft.option_names = names

    def _read_status(self, draft: Draft, record: Record) -> None:
        word, cell = self._cell(record, STATUS), self._cell(record, PUBLISHED)
        status = self._try(draft, record.line, STATUS, _read_status_word, word) if word else None
        is_published = self._try(draft, record.line, PUBLISHED, read_flag, cell) if cell else None
        if is_published is False and status in (None, ProductStatus.ACTIVE):
            status = ProductStatus.DRAFT
        elif is_published and status is None:
            status = ProductStatus.ACTIVE
        if status is not None:
            draft.values["status"] = str(status)

    def _read_variant(self, draft: Draft, record: Record) -> None:
        cells = record.values
        if not any(cells[index] for index in self._marks_of_a_variant):
            return
        variant = VariantDraft(record.line)
        for column in self._columns.option_values:
            cell = self._cell(record, column)
            if cell:
                self._try(draft, record.line, column, _check_option_value, cell)
            variant.option_values.append(cell)
        while variant.option_values and not variant.option_values[-1]:
            variant.option_values.pop()
        if sku := self._cell(record, SKU):
            variant.sku = self._try(draft, record.line, SKU, _check_sku, sku) or ""
        for column, name, read in self._variant_columns:
            cell = self._cell(record, column)
            if cell or name != "currency":
                variant.values[name] = self._try(draft, record.line, column, read, cell)
        if quantity := self._cell(record, QUANTITY):
            variant.quantity = self._try(draft, record.line, QUANTITY, _read_quantity, quantity)
            if variant.quantity is not None and variant.quantity < 0:
                detail = f"{variant.quantity} is no figure that anybody can count; the stock stays as it is."
                draft.warn(record.line, QUANTITY, "negative_quantity", detail)
                variant.quantity = None
        draft.variants.append(variant)

    def _read_image(self, draft: Draft, record: Record) -> None:
        url = self._cell(record, IMAGE_SRC)
        if not url:
            return
        if problem := problem_of_url(url):
            draft.warn(record.line, IMAGE_SRC, "invalid_image_url", problem)
            return
        image = ImageDraft(record.line, url)
        if IMAGE_ALT in self._columns:
            image.alt = self._cell(record, IMAGE_ALT)[:MAX_ALT_LENGTH]
        if position := self._cell(record, IMAGE_POSITION):
            image.position = self._try(draft, record.line, IMAGE_POSITION, _read_position, position)
        draft.images.append(image)

    def _cell(self, record: Record, column: str) -> str:
        index = self._columns.find(column)
        if index is None:
            return ""
        cell = record.values[index]
        return unguarded(cell if column in _AS_THEY_ARE else cell.strip())

    def _try(self, draft: Draft, line: int, column: str, read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except BadCell as error:
            draft.refuse(line, column, error.code, error.detail)
            return None


def _read_status_word(cell: str) -> ProductStatus:
    if cell.casefold() not in _STATUSES:
        raise BadCell("invalid_status", f"{cell} is none of {', '.join(_STATUSES)}.")
    return _STATUSES[cell.casefold()]


def _set_title(draft: Draft, cell: str) -> None:
    draft.values["name"] = _check_title(cell)


def _set_body(draft: Draft, cell: str) -> None:
    draft.values["description"] = _check_body(sanitized(cell))


def _set_vendor(draft: Draft, cell: str) -> None:
    draft.values["brand"] = _check_vendor(cell)


def _set_tags(draft: Draft, cell: str) -> None:
    draft.values["tags"] = _check_tags(read_tags(cell))


def _set_type(draft: Draft, cell: str) -> None:
    draft.product_type = cell


def _set_category(draft: Draft, cell: str) -> None:
    draft.category = cell


def _read_price(cell: str) -> Any:
    return _check_amount(read_amount(cell)) if cell else None


def _read_grams(cell: str) -> int | None:
    return _check_weight(read_whole(cell)) if cell else None


def _read_barcode(cell: str) -> str:
    return _check_barcode(cell) if cell else ""


def _read_quantity(cell: str) -> int:
    quantity = read_whole(cell)
    if quantity > MAX_QUANTITY:
        raise BadCell("invalid_quantity", f"{quantity} is more than {MAX_QUANTITY}.")
    return quantity


def _read_position(cell: str) -> int:
    position = read_whole(cell)
    if not 0 <= position <= MAX_POSITION:
        raise BadCell("invalid_position", f"{position} is not between 0 and {MAX_POSITION}.")
    return position


_PRODUCT_CELLS: Final = {
    TITLE: _set_title, BODY: _set_body, VENDOR: _set_vendor, TAGS: _set_tags, TYPE: _set_type, CATEGORY: _set_category,
}  # fmt: skip
_VARIANT_CELLS: Final = (
    (PRICE, "price", _read_price),
    (COMPARE_AT, "compare_at_price", _read_price),
    (COST, "cost", _read_price),
    (CURRENCY, "currency", _check_currency),
    (GRAMS, "weight_grams", _read_grams),
    (BARCODE, "barcode", _read_barcode),
)
