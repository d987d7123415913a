"""WooCommerce's CSV export: a line for each product and each variation, which may stand anywhere in the file.

A first reading notes where the variations of each product are. Then each product is one block of lines, as it is in
Shopify's files, with its handle and its options in cells behind the file's own (`Columns`).
"""

import heapq
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO, Final

from pms_integration.files.cells import unguarded
from pms_integration.files.columns import (
    BARCODE,
    ID,
    IN_STOCK,
    KIND,
    MAX_OPTIONS,
    PARENT,
    QUANTITY,
    REGULAR_PRICE,
    SALE_PRICE,
    SKU,
    TITLE,
    WEIGHT,
    Columns,
    attribute_name,
    attribute_values,
)
from pms_integration.files.limits import MAX_LINES_PER_PRODUCT, MAX_PRODUCT_BYTES
from pms_integration.files.problems import Problem
from pms_integration.files.records import Header, Place, Record, read_records
from pms_integration.files.shopify import Block
from pms_integration.files.woocommerce_cells import parted
from products.handles import clean_handle, handle_of_name

# What a variation has of an attribute whose cell is empty: it may have any value.
ANY: Final = "Any"
# A variable product's own line is no variant: what it has of these is for its variations, which say it themselves.
_OF_A_VARIATION: Final = (SKU, REGULAR_PRICE, SALE_PRICE, QUANTITY, IN_STOCK, BARCODE, WEIGHT)


class WooCommerceFile:
    """Which lines of the file are one product's."""

    def __init__(self, file: IO[bytes], header: Header, columns: Columns) -> None:
        self._file = file
        self._header = header
        self._columns = columns
        # Offset and line, one behind the other: of what begins a product, and of the variations of each parent.
        self._heads = array("Q")
        self._variations: dict[str, array[int]] = defaultdict(lambda: array("Q"))
        # The offset of the product whose variations they are: of two with one SKU, the first.
        self._owners: dict[str, int] = {}
        # By offset, the products of which an earlier one has the name.
        self._namesakes: set[int] = set()

    def read(self, beat: Callable[[], None]) -> None:
        """Notes where everything is; `beat` is called with each line."""
        heads = array("Q")
        parents: dict[str, int] = {}
        names: set[int] = set()
        first_variations: dict[int, str] = {}
        for record in read_records(self._file, self._header, self._header.body):
            beat()
            at = (record.start.offset, record.start.line)
            if parent := self._parent_of(record):
                places = self._variations[parent]
                places.extend(at)
                if len(places) > len(at):
                    continue
                first_variations[record.start.offset] = parent
            else:
                for key in self._keys_of(record):
                    parents.setdefault(key, record.start.offset)
                handle = handle_of_name(self._cell(record, TITLE))
                if hash(handle) in names:
                    self._namesakes.add(record.start.offset)
                names.add(hash(handle))
            heads.extend(at)
        self._owners = {key: parents[key] for key in self._variations if key in parents}
        for index in range(0, len(heads), 2):
            # Variations come with their product, and by themselves only where the file does not have it.
            if first_variations.get(heads[index]) not in parents:
                self._heads.extend(heads[index : index + 2])

    def blocks(self, place: Place) -> Iterator[Block]:
        """The products from a place on."""
        for head in _places(self._heads):
            if head.offset >= place.offset:
                yield self._block(head)

    def records_at(self, place: Place) -> Iterator[Record]:
        """The lines of the product that begins there."""
        first = self._record_at(place)
        if not self._parent_of(first):
            yield first
        places = heapq.merge(*map(_places, self._variations_of(first)), key=lambda one: one.offset)
        yield from map(self._record_at, places)

    def _variations_of(self, first: Record) -> "list[array[int]]":
        if parent := self._parent_of(first):
            return [self._variations[parent]]
        offset = first.start.offset
        return [self._variations[key] for key in self._keys_of(first) if self._owners.get(key) == offset]

    def _block(self, head: Place) -> Block:
        records = self._no_more_than_one_product(self.records_at(head))
        first = records[0]
        of_variants = self._is_variation(first)
        handle = "" if of_variants else self._handle_of(first)
        block = Block(handle, [], first.end, count=0, of_variants=of_variants)
        names = self._option_names(records if of_variants else records[1:])
        if not of_variants:
            block.add(self._product_line(first, handle, names, is_variable=len(records) > 1))
        for index, record in enumerate(records[0 if of_variants else 1 :]):
            block.add(self._variation_line(record, first, names, is_first=index == 0 and of_variants))
        count = sum(len(places) // 2 for places in self._variations_of(first))
        block.count = max(block.count, count if self._parent_of(first) else count + 1)
        return block

    def _no_more_than_one_product(self, records: Iterator[Record]) -> list[Record]:
        """As many as show that there are too many, where there are."""
        found: list[Record] = []
        size = 0
        for record in records:
            found.append(record)
            size += record.end.offset - record.start.offset
            if len(found) > MAX_LINES_PER_PRODUCT or size > MAX_PRODUCT_BYTES:
                break
        return found

    def _product_line(self, record: Record, handle: str, names: list[str], *, is_variable: bool) -> Record:
        values, problem = record.values, record.problem
        if is_variable:
            values = self._columns.with_cells(values, dict.fromkeys(_OF_A_VARIATION, ""))
        elif problem is None and "variable" in self._cell(record, KIND).casefold():
            problem = Problem(record.line, "Type", "variations_missing", "The file has no variation of this product.")
        return replace(record, values=[*values, handle, *_options(names, [])], problem=problem)

    def _variation_line(self, record: Record, product: Record, names: list[str], *, is_first: bool) -> Record:
        values = record.values
        if not self._cell(record, WEIGHT):
            values = self._columns.with_cells(values, {WEIGHT: self._columns.cell(product.values, WEIGHT)})
        attributes = self._attributes(record)
        chosen = [attributes.get(name) or ANY for name in names]
        return replace(record, values=[*values, "", *_options(names if is_first else [], chosen)])

    def _option_names(self, variations: list[Record]) -> list[str]:
        names = dict.fromkeys(name for record in variations for name in self._attributes(record))
        return list(names)[:MAX_OPTIONS]

    def _attributes(self, record: Record) -> dict[str, str]:
        named = {self._cell(record, attribute_name(number)): number for number in self._columns.attributes}
        return {
            name: next(iter(parted(self._cell(record, attribute_values(number)))), "")
            for name, number in named.items()
            if name
        }

    def _handle_of(self, record: Record) -> str:
        handle = handle_of_name(self._cell(record, TITLE))
        if handle and record.start.offset in self._namesakes:
            return clean_handle(f"{handle}-{self._cell(record, SKU) or self._cell(record, ID) or record.line}")
        return handle

    def _is_variation(self, record: Record) -> bool:
        return record.problem is None and "variation" in self._cell(record, KIND).casefold()

    def _parent_of(self, record: Record) -> str:
        """The key of the product that the line is a variation of, where it says so."""
        parent = self._cell(record, PARENT).casefold() if self._is_variation(record) else ""
        return parent if parent.startswith("id:") or not parent else f"sku:{parent}"

    def _keys_of(self, record: Record) -> list[str]:
        number, sku = self._cell(record, ID), self._cell(record, SKU).casefold()
        return [f"{name}:{value}" for name, value in (("id", number), ("sku", sku)) if value]

    def _cell(self, record: Record, column: str) -> str:
        return unguarded(self._columns.cell(record.values, column).strip())

    def _record_at(self, place: Place) -> Record:
        return next(read_records(self._file, self._header, place))


def _places(flat: "array[int]") -> Iterator[Place]:
    return (Place(flat[index], flat[index + 1]) for index in range(0, len(flat), 2))


def _options(names: list[str], values: list[str]) -> list[str]:
    """The cells of `Option1 Name`, `Option1 Value` and so on."""
    empty = [""] * MAX_OPTIONS
    return [cell for pair in zip([*names, *empty], [*values, *empty], strict=False) for cell in pair][: 2 * MAX_OPTIONS]
