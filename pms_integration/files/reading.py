"""A file as drafts of products, whichever its format."""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Final

from pms_integration.files import json_lines
from pms_integration.files.cells import unguarded_code
from pms_integration.files.columns import QUANTITY, SKU, Columns
from pms_integration.files.limits import CHUNK_BYTES, CHUNK_LINES, CHUNK_PRODUCTS
from pms_integration.files.line_ends import with_line_feeds
from pms_integration.files.parsed_products import Draft
from pms_integration.files.problems import FileUnusable, Problem
from pms_integration.files.records import Header, Place, read_header, read_records, require_text
from pms_integration.files.shopify import Block, BlockReader, blocks_of
from pms_integration.files.woocommerce import WooCommerceFile
from pms_integration.models import ImportFormat
from products.skus import sku_key

logger = logging.getLogger(__name__)

JSON_SUFFIXES: Final = (".jsonl", ".ndjson", ".json")


def format_of(file: IO[bytes], name: str) -> ImportFormat:
    """The format by the name's ending, else by what the file begins with."""
    if name.lower().endswith(JSON_SUFFIXES):
        return ImportFormat.JSON_LINES
    if name.lower().endswith(".csv"):
        return ImportFormat.CSV
    file.seek(0)
    return (
        ImportFormat.JSON_LINES
        if file.read(1_000).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        else ImportFormat.CSV
    )


def fills_quantities(file: IO[bytes], format: ImportFormat) -> bool:  # noqa: A002 - the field's name
    """Whether a CSV file has a column of quantities; JSON Lines do not say it at their beginning."""
    if format != ImportFormat.CSV:
        return False
    try:
        return Columns(read_header(with_line_feeds(file)).columns).has(QUANTITY)
    except FileUnusable:
        # Which is what its import will say.
        return False


class ImportFile:
    """An opened file of a known format. Raises `FileUnusable` where its first line is no header."""

    def __init__(self, file: IO[bytes], format: str) -> None:  # noqa: A002 - the field's name
        require_text(file)
        self._file = with_line_feeds(file) if format == ImportFormat.CSV else file
        self._header: Header | None = None
        if format == ImportFormat.CSV:
            self._header = read_header(self._file)
            self._columns = Columns(self._header.columns)

    @property
    def header(self) -> Header | None:
        """The columns; none of JSON Lines."""
        return self._header

    def warnings(self) -> list[Problem]:
        """What is to be said of the file as a whole."""
        return self._columns.warnings() if self._header else []

    def count_lines(self, beat: Callable[[], None]) -> int:
        """How many lines with content there are; `beat` is called with each."""
        count = 0
        for _ in self._lines():
            count += 1
            beat()
        return count

    def _lines(self) -> Iterator[object]:
        if self._header is None:
            return json_lines.lines_of(self._file, json_lines.START)
        return read_records(self._file, self._header, self._header.body)

    @functools.cached_property
    def _repeated_skus(self) -> frozenset[str]:
        place = self._file.tell()
        seen: set[int] = set()
        repeated: set[str] = set()
        for record in read_records(self._file, self._header, self._header.body) if self._header else ():
            sku = unguarded_code(self._columns.cell(record.values, SKU).strip())
            if not sku or record.problem is not None:
                continue
            # A number takes less room than the text, and two texts of one number would only be made apart.
            key = sku_key(sku)
            if hash(key) in seen:
                repeated.add(key)
            seen.add(hash(key))
        self._file.seek(place)
        return frozenset(repeated)

    def repeated_skus(self) -> frozenset[str]:
        """The keys of the SKUs that a CSV file has more than once; it is read for them when that is first asked."""
        return self._repeated_skus

    def drafts(self, place: Place, beat: Callable[[], None] = lambda: None) -> Iterator[Draft]:
        """The products from a place on; from the file's beginning where that is before the first of them.

        `beat` is called with each line that is read before the first is found.
        """
        if self._header is None:
            yield from json_lines.drafts_of(self._file, place)
            return
        start = place if place.offset > self._header.body.offset else self._header.body
        reader = BlockReader(self._columns)
        for block in self._blocks(self._header, start, beat):
            yield _draft(reader, block)

    def _blocks(self, header: Header, start: Place, beat: Callable[[], None]) -> Iterator[Block]:
        if not self._columns.is_woocommerces:
            return blocks_of(read_records(self._file, header, start), self._columns)
        file = WooCommerceFile(self._file, header, self._columns)
        file.read(beat)
        return file.blocks(start)


def _draft(reader: BlockReader, block: Block) -> Draft:
    """What the block says; what nobody has foreseen costs that product, not an attempt."""
    try:
        return reader.draft(block)
    except Exception:
        logger.exception("The lines from %s on cannot be read", block.records[0].line)
    draft = Draft(block.records[0].start, block.end, block.count, handle=block.handle)
    draft.refuse(draft.line, "", "not_importable", "It could not be read; the server's log says why.")
    return draft


def chunks_of(drafts: Iterator[Draft]) -> Iterator[Sequence[Draft]]:
    """Parts the drafts into what is written at once: in none of it are a handle or a SKU named by two of them."""
    chunk: list[Draft] = []
    named: set[str] = set()
    lines = size = 0
    for draft in drafts:
        names = {f"sku {sku_key(variant.sku)}" for variant in draft.variants if variant.sku}
        if draft.handle:
            names.add(draft.handle)
        is_full = len(chunk) >= CHUNK_PRODUCTS or lines + draft.line_count > CHUNK_LINES or size > CHUNK_BYTES
        if chunk and (is_full or names & named):
            yield chunk
            chunk, named, lines, size = [], set(), 0, 0
        chunk.append(draft)
        named |= names
        lines += draft.line_count
        size += draft.end.offset - draft.start.offset
    if chunk:
        yield chunk
