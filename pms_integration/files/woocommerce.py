"""Converts WooCommerce's CSV export, which has a line for each product and each variation, in any order.

A first pass over the file stores the positions of the variations of each product. Then each product is read as one
block of lines, as in Shopify's files, with handle and options in cells after the file's own (see `Columns`).
"""

import heapq
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import IO, Final

from pms_backend.api.spreadsheets import unguarded
from pms_integration.files import limits
from pms_integration.files.categories import NO_CATEGORY
from pms_integration.files.cells import BadCell, read_flag, read_list, read_weight
from pms_integration.files.columns import MAX_OPTIONS, Column, Columns, attribute_name, attribute_values
from pms_integration.files.parsed_products import Block
from pms_integration.files.records import FilePosition, Header, Problem, Record, read_records
from products.handles import clean_handle, handle_of_name

# The option value of a variation whose attribute cell is empty, which stands for any value.
ANY: Final = "Any"
# A variable product's own line is not a variant: these cells are cleared, since its variations have their own.
_VARIATION_COLUMNS: Final = (
    Column.SKU, Column.REGULAR_PRICE, Column.SALE_PRICE, Column.QUANTITY, Column.IN_STOCK, Column.BARCODE,
    Column.WEIGHT,
)  # fmt: skip
# WooCommerce writes a line feed of a description as `\n`, and a literal `\n` with one more backslash.
_ESCAPED_LINE_FEED: Final = re.compile(r"\\(\\?)n")
_UNIT: Final = re.compile(r"\((.+)\)")
_GRAMS_PER_UNIT: Final = {
    "kg": Decimal(1000), "g": Decimal(1), "lbs": Decimal("453.59237"), "oz": Decimal("28.349523125"),
}  # fmt: skip


class WooCommerceFile:
    """Groups the lines of a file by product."""

    def __init__(self, file: IO[bytes], header: Header, columns: Columns) -> None:
        self._file = file
        self._header = header
        self._columns = columns
        # Offsets and lines in turn: of the first line of each product, and of the variations of each parent.
        self._first_lines = array("Q")
        self._variations: dict[str, array[int]] = defaultdict(lambda: array("Q"))
        # The offset of the product that owns the variations of a key: the first one with this SKU or id.
        self._owners: dict[str, int] = {}
        # The offsets of products that have the name of an earlier one.
        self._duplicates: set[int] = set()

    def index(self, heartbeat: Callable[[], None]) -> None:
        """Stores the positions of all lines; calls `heartbeat` with each line."""
        first_lines = array("Q")
        parents: dict[str, int] = {}
        names: set[int] = set()
        first_variations: dict[int, str] = {}
        for record in read_records(self._file, self._header, self._header.body):
            heartbeat()
            start = (record.start.offset, record.start.line)
            if parent := self._parent_of(record):
                positions = self._variations[parent]
                positions.extend(start)
                if len(positions) > len(start):
                    continue
                first_variations[record.start.offset] = parent
            else:
                for key in self._keys_of(record):
                    parents.setdefault(key, record.start.offset)
                handle = handle_of_name(self._cell(record, Column.TITLE))
                if hash(handle) in names:
                    self._duplicates.add(record.start.offset)
                names.add(hash(handle))
            first_lines.extend(start)
        self._owners = {key: parents[key] for key in self._variations if key in parents}
        for position in _positions(first_lines):
            # Variations belong to the block of their product; they have their own only if the file lacks the product.
            if first_variations.get(position.offset) not in parents:
                self._first_lines.extend((position.offset, position.line))

    def blocks(self, position: FilePosition) -> Iterator[Block]:
        """The blocks of the products from a position on."""
        for first_line in _positions(self._first_lines):
            if first_line.offset >= position.offset:
                yield self.block(first_line)

    def records_at(self, position: FilePosition) -> Iterator[Record]:
        """The lines of the product whose first line is at the position."""
        first = self._record_at(position)
        if not self._parent_of(first):
            yield first
        positions = heapq.merge(*map(_positions, self._variations_of(first)), key=lambda one: one.offset)
        yield from map(self._record_at, positions)

    def _variations_of(self, first: Record) -> "list[array[int]]":
        if parent := self._parent_of(first):
            return [self._variations[parent]]
        offset = first.start.offset
        return [self._variations[key] for key in self._keys_of(first) if self._owners.get(key) == offset]

    def block(self, position: FilePosition) -> Block:
        """The block of the product whose first line is at the position."""
        records = self._bounded(self.records_at(position))
        first = records[0]
        has_only_variants = self._is_variation(first)
        handle = "" if has_only_variants else self._handle_of(first)
        block = Block(handle, [], first.end, has_only_variants=has_only_variants)
        variations = records if has_only_variants else records[1:]
        names = self._option_names(variations)
        if not has_only_variants:
            block.add(self._product_line(first, handle, names, is_variable=len(records) > 1))
        for index, record in enumerate(variations):
            block.add(self._variation_line(record, first, names, is_first=index == 0 and has_only_variants))
        count = sum(len(positions) // 2 for positions in self._variations_of(first))
        block.count = max(block.count, count if self._parent_of(first) else count + 1)
        return block

    def _bounded(self, records: Iterator[Record]) -> list[Record]:
        """The records up to the first one that exceeds the limits of a product."""
        found: list[Record] = []
        size = 0
        for record in records:
            found.append(record)
            size += record.end.offset - record.start.offset
            if len(found) > limits.MAX_LINES_PER_PRODUCT or size > limits.MAX_PRODUCT_BYTES:
                break
        return found

    def _product_line(self, record: Record, handle: str, names: list[str], *, is_variable: bool) -> Record:
        values, problem = record.values, record.problem
        if is_variable:
            values = self._columns.with_cells(values, dict.fromkeys(_VARIATION_COLUMNS, ""))
        elif problem is None and "variable" in self._cell(record, Column.KIND).casefold():
            problem = Problem(record.line, "Type", "variations_missing", "The file has no variation of this product.")
        return replace(record, values=[*values, handle, *_options(names, [])], problem=problem)

    def _variation_line(self, record: Record, product: Record, names: list[str], *, is_first: bool) -> Record:
        values = record.values
        if not self._cell(record, Column.WEIGHT):
            weight = self._columns.cell(product.values, Column.WEIGHT)
            values = self._columns.with_cells(values, {Column.WEIGHT: weight})
        attributes = self._attributes(record)
        chosen = [attributes.get(name) or ANY for name in names]
        return replace(record, values=[*values, "", *_options(names if is_first else [], chosen)])

    def _option_names(self, variations: list[Record]) -> list[str]:
        names = dict.fromkeys(name for record in variations for name in self._attributes(record))
        return list(names)[:MAX_OPTIONS]

    def _attributes(self, record: Record) -> dict[str, str]:
        named = {self._cell(record, attribute_name(number)): number for number in self._columns.attributes}
        return {
            name: next(iter(read_list(self._cell(record, attribute_values(number)))), "")
            for name, number in named.items()
            if name
        }

    def _handle_of(self, record: Record) -> str:
        handle = handle_of_name(self._cell(record, Column.TITLE))
        if handle and record.start.offset in self._duplicates:
            number = self._cell(record, Column.SKU) or self._cell(record, Column.ID) or record.line
            return clean_handle(f"{handle}-{number}")
        return handle

    def _is_variation(self, record: Record) -> bool:
        return record.problem is None and "variation" in self._cell(record, Column.KIND).casefold()

    def _parent_of(self, record: Record) -> str:
        """The key of the product that the line is a variation of; empty if it is not a variation."""
        parent = self._cell(record, Column.PARENT).casefold() if self._is_variation(record) else ""
        return parent if parent.startswith("id:") or not parent else f"sku:{parent}"

    def _keys_of(self, record: Record) -> list[str]:
        number, sku = self._cell(record, Column.ID), self._cell(record, Column.SKU).casefold()
        return [f"{name}:{value}" for name, value in (("id", number), ("sku", sku)) if value]

    def _cell(self, record: Record, column: str) -> str:
        return unguarded(self._columns.cell(record.values, column).strip())

    def _record_at(self, position: FilePosition) -> Record:
        return next(read_records(self._file, self._header, position))


def cell_of(columns: Columns, values: list[str], column: str) -> str:
    """The cell of a line in a column of Shopify, derived from WooCommerce's columns if the file has only these."""
    cell = columns.cell(values, column)
    if column == Column.BODY and columns.is_woocommerce:
        return _ESCAPED_LINE_FEED.sub(lambda found: "\\n" if found[1] else "\n", cell)
    if cell.strip():
        return cell
    regular, sale = columns.cell(values, Column.REGULAR_PRICE).strip(), columns.cell(values, Column.SALE_PRICE).strip()
    if column == Column.PRICE:
        return sale or regular
    if column == Column.COMPARE_AT:
        return regular if sale else ""
    if column == Column.GRAMS:
        return _grams(columns, columns.cell(values, Column.WEIGHT).strip())
    if column == Column.CATEGORY:
        # The deepest category says most; the file usually lists its ancestors too.
        return max(read_list(columns.cell(values, Column.CATEGORIES)), key=_depth, default="")
    if column == Column.QUANTITY:
        return _zero_if_out_of_stock(columns.cell(values, Column.IN_STOCK).strip())
    return cell


def image_urls(columns: Columns, values: list[str]) -> list[str]:
    """The URLs of the pictures in a line."""
    one = columns.cell(values, Column.IMAGE_SRC).strip()
    return ([one] if one else []) + read_list(columns.cell(values, Column.IMAGES))


def _depth(path: str) -> int:
    return -1 if path.casefold() in NO_CATEGORY else path.count(">")


def _grams(columns: Columns, weight: str) -> str:
    unit = _UNIT.search(columns.name_of(Column.WEIGHT))
    if not weight or unit is None:
        return ""
    try:
        return str(read_weight(weight, _GRAMS_PER_UNIT[unit[1].casefold()]))
    except BadCell:
        # The reader of the column refuses it with its own message.
        return weight


def _zero_if_out_of_stock(cell: str) -> str:
    """A quantity of 0 if the shop has no stock; otherwise the file does not say how much there is."""
    try:
        return "0" if cell and not read_flag(cell) else ""
    except BadCell:
        # For example `backorder`.
        return ""


def _positions(flat: "array[int]") -> Iterator[FilePosition]:
    return (FilePosition(flat[index], flat[index + 1]) for index in range(0, len(flat), 2))


def _options(names: list[str], values: list[str]) -> list[str]:
    """The cells of `Option1 Name`, `Option1 Value` and so on."""
    empty = [""] * MAX_OPTIONS
    return [cell for pair in zip([*names, *empty], [*values, *empty], strict=False) for cell in pair][: 2 * MAX_OPTIONS]
