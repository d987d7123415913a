"""Reads a file of any supported format as parsed products."""

import functools
import io
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Final, TypeVar, cast

from pms_backend.api.spreadsheets import unguarded_code
from pms_integration.exceptions import FileUnusable
from pms_integration.files import json_lines
from pms_integration.files.columns import Column, Columns
from pms_integration.files.limits import CHUNK_BYTES, CHUNK_LINES, CHUNK_PRODUCTS, MAX_RECORD_BYTES
from pms_integration.files.parsed_products import Block, ParsedProduct
from pms_integration.files.records import FilePosition, Header, Problem, read_header, read_records, require_text
from pms_integration.files.shopify import BlockParser, read_blocks
from pms_integration.files.woocommerce import WooCommerceFile
from pms_integration.models import ImportFormat
from products.skus import sku_key

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
# Products for one transaction.
Chunk = Sequence[ParsedProduct]

JSON_SUFFIXES: Final = (".jsonl", ".ndjson", ".json")
_QUOTED: Final = re.compile(rb'"[^"]*"')
# The line feed is part of the match: a look-ahead would read a long run again from each of its characters.
_CARRIAGE_RETURNS: Final = re.compile(rb"\r+\n?")


def format_of(file: IO[bytes], name: str) -> ImportFormat:
    """The format by the ending of the file's name, else by its content."""
    if name.lower().endswith(JSON_SUFFIXES):
        return ImportFormat.JSON_LINES
    if name.lower().endswith(".csv"):
        return ImportFormat.CSV
    file.seek(0)
    start = file.read(1_000).lstrip(b"\xef\xbb\xbf \t\r\n")
    return ImportFormat.JSON_LINES if start.startswith(b"{") else ImportFormat.CSV


class _OldMacFile(io.RawIOBase):
    """A view of a file with line feeds instead of carriage returns; byte offsets are those of the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        """Part of the interface of a raw file."""
        return True

    def seekable(self) -> bool:
        """Part of the interface of a raw file."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Changes the position in the file."""
        return self._file.seek(offset, whence)

    def readinto(self, buffer: object) -> int:
        """Reads into the buffer; returns how many bytes."""
        view = memoryview(buffer)  # type: ignore[arg-type]  # any buffer
        content = self._file.read(len(view)).replace(b"\r", b"\n")
        view[: len(content)] = content
        return len(content)


def with_line_feeds(file: IO[bytes]) -> IO[bytes]:
    """The file, or a view of it with line feeds if most of its lines end with a bare carriage return (old Macs).

    A few bare carriage returns in another file are broken lines.
    """
    file.seek(0)
    unquoted = _QUOTED.sub(b"", file.read(MAX_RECORD_BYTES))
    file.seek(0)
    bare = sum(not run[0].endswith(b"\n") for run in _CARRIAGE_RETURNS.finditer(unquoted))
    if bare > unquoted.count(b"\n"):
        return cast("IO[bytes]", io.BufferedReader(_OldMacFile(file)))
    return file


def fills_quantities(file: IO[bytes], format: ImportFormat) -> bool:  # noqa: A002 - the field's name
    """Whether a CSV file has a column of quantities. For JSON Lines this is known only when a line is read."""
    if format != ImportFormat.CSV:
        return False
    try:
        return Columns(read_header(with_line_feeds(file)).columns).has(Column.QUANTITY)
    except FileUnusable:
        # The import reports it.
        return False


class ImportFile:
    """An opened file of a known format. Raises `FileUnusable` if it is not text or its first line is not a header."""

    def __init__(self, file: IO[bytes], format: str) -> None:  # noqa: A002 - the field's name
        require_text(file)
        self._file = with_line_feeds(file) if format == ImportFormat.CSV else file
        self._header: Header | None = None
        self._woocommerce: WooCommerceFile | None = None
        if format == ImportFormat.CSV:
            self._header = read_header(self._file)
            self._columns = Columns(self._header.columns)

    def warnings(self) -> list[Problem]:
        """The warnings about the file as a whole."""
        return self._columns.warnings() if self._header else []

    def count_lines(self, heartbeat: Callable[[], None]) -> int:
        """The number of lines with content; calls `heartbeat` with each line."""
        return sum(1 for _ in _with(heartbeat, self._lines()))

    def _lines(self) -> Iterator[object]:
        if self._header is None:
            return json_lines.read_lines(self._file, json_lines.START)
        return read_records(self._file, self._header, self._header.body)

    @functools.cached_property
    def repeated_skus(self) -> frozenset[str]:
        """The keys of the SKUs that a CSV file has more than once; the first access reads the whole file."""
        offset = self._file.tell()
        seen: set[int] = set()
        repeated: set[str] = set()
        for record in read_records(self._file, self._header, self._header.body) if self._header else ():
            sku = unguarded_code(self._columns.cell(record.values, Column.SKU).strip())
            if not sku or record.problem is not None:
                continue
            # Hashes take less memory. SKUs with the same hash are only reported as repeated.
            key = sku_key(sku)
            if hash(key) in seen:
                repeated.add(key)
            seen.add(hash(key))
        self._file.seek(offset)
        return frozenset(repeated)

    def products(self, position: FilePosition, heartbeat: Callable[[], None] = lambda: None) -> Iterator[ParsedProduct]:
        """The products from a position on; from the first one if the position is before it.

        Calls `heartbeat` with each line that is read, of WooCommerce's with each one that is indexed and each product.
        """
        if self._header is None:
            yield from _with(heartbeat, json_lines.parse_lines(self._file, position))
            return
        start = position if position.offset > self._header.body.offset else self._header.body
        parser = BlockParser(self._columns)
        for block in self._blocks(self._header, start, heartbeat):
            yield _parse(parser, block)

    def product_at(self, position: FilePosition) -> ParsedProduct:
        """The product that begins at this position; reading goes on where it was."""
        offset = self._file.tell()
        if self._woocommerce is not None:
            product = _parse(BlockParser(self._columns), self._woocommerce.block(position))
        else:
            product = next(self.products(position))
        self._file.seek(offset)
        return product

    def _blocks(self, header: Header, start: FilePosition, heartbeat: Callable[[], None]) -> Iterator[Block]:
        if not self._columns.is_woocommerce:
            return read_blocks(_with(heartbeat, read_records(self._file, header, start)), self._columns)
        if self._woocommerce is None:
            self._woocommerce = WooCommerceFile(self._file, header, self._columns)
            self._woocommerce.index(heartbeat)
        return _with(heartbeat, self._woocommerce.blocks(start))


def _with(heartbeat: Callable[[], None], items: Iterator[Item]) -> Iterator[Item]:
    """The items; calls `heartbeat` with each."""
    for item in items:
        heartbeat()
        yield item


def _parse(parser: BlockParser, block: Block) -> ParsedProduct:
    """Parses a block; after an unexpected error only this product is refused, and the import goes on."""
    try:
        return parser.parse(block)
    except Exception:
        logger.exception("The lines from %s on cannot be read", block.records[0].line)
    parsed = ParsedProduct(block.records[0].start, block.end, block.count, block.size, handle=block.handle)
    parsed.refuse(parsed.line, "", "not_importable", "It could not be read; the server's log says why.")
    return parsed


def chunks_of(products: Iterator[ParsedProduct]) -> Iterator[Chunk]:
    """Groups products for one transaction; no two products of a chunk have a handle or a SKU in common."""
    chunk: list[ParsedProduct] = []
    seen: set[str] = set()
    lines = size = 0
    for product in products:
        names = {f"sku {sku_key(variant.sku)}" for variant in product.variants if variant.sku}
        if product.handle:
            names.add(product.handle)
        is_full = len(chunk) >= CHUNK_PRODUCTS or lines + product.line_count > CHUNK_LINES or size > CHUNK_BYTES
        if chunk and (is_full or names & seen):
            yield chunk
            chunk, seen, lines, size = [], set(), 0, 0
        chunk.append(product)
        seen |= names
        lines += product.line_count
        size += product.size
    if chunk:
        yield chunk


def parts_of(chunks: Iterator[Chunk]) -> Iterator[list[Chunk]]:
    """Groups chunks for one transaction of a preview: chunks are small where products of the file share names."""
    part: list[Chunk] = []
    products = lines = size = 0
    for chunk in chunks:
        line_count = sum(product.line_count for product in chunk)
        byte_count = sum(product.size for product in chunk)
        is_full = products + len(chunk) > CHUNK_PRODUCTS or lines + line_count > CHUNK_LINES
        if part and (is_full or size + byte_count > CHUNK_BYTES):
            yield part
            part, products, lines, size = [], 0, 0, 0
        part.append(chunk)
        products += len(chunk)
        lines += line_count
        size += byte_count
    if part:
        yield part
