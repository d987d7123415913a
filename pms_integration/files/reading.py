"""A file as drafts of products, whichever its format."""

from collections.abc import Callable, Iterator, Sequence
from typing import IO, Final

from pms_integration.files import json_lines
from pms_integration.files.columns import HANDLE, QUANTITY, Columns
from pms_integration.files.drafts import Draft
from pms_integration.files.limits import CHUNK_LINES, CHUNK_PRODUCTS
from pms_integration.files.problems import FileUnusable, Problem
from pms_integration.files.records import Header, Place, read_header, read_records
from pms_integration.files.shopify import BlockReader, blocks_of
from pms_integration.models import ImportFormat
from products.skus import sku_key

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
        return QUANTITY in Columns(read_header(file).columns)
    except FileUnusable:
        # Which is what its import will say.
        return False


class ImportFile:
    """An opened file of a known format. Raises `FileUnusable` where its first line is no header."""

    def __init__(self, file: IO[bytes], format: str) -> None:  # noqa: A002 - the field's name
        self._file = file
        self._header: Header | None = None
        if format == ImportFormat.CSV:
            self._header = read_header(file)
            self._columns = Columns(self._header.columns)

    @property
    def header(self) -> Header | None:
        """The columns; none of JSON Lines."""
        return self._header

    def warnings(self) -> list[Problem]:
        """What is to be said of the file as a whole."""
        return self._columns.warnings() if self._header else []

    def count_lines(self, beat: Callable[[], None]) -> int:
        """How many lines with content there are; `beat` is called again and again meanwhile."""
        count = 0
        for _ in self._lines():
            count += 1
            if count % 10_000 == 0:
                beat()
        return count

    def _lines(self) -> Iterator[object]:
        if self._header is None:
            return json_lines.lines_of(self._file, json_lines.START)
        return read_records(self._file, self._header, self._header.body)

    def drafts(self, place: Place) -> Iterator[Draft]:
        """The products from a place on; from the file's beginning where that is before the first of them."""
        if self._header is None:
            yield from json_lines.drafts_of(self._file, place)
            return
        start = place if place.offset > self._header.body.offset else self._header.body
        reader = BlockReader(self._columns)
        for block in blocks_of(read_records(self._file, self._header, start), self._columns.index(HANDLE)):
            yield reader.draft(block)


def chunks_of(drafts: Iterator[Draft]) -> Iterator[Sequence[Draft]]:
    """Parts the drafts into what is written at once: in none of it are a handle or a SKU named by two of them."""
    chunk: list[Draft] = []
    named: set[str] = set()
    lines = 0
    for draft in drafts:
        names = {f"sku {sku_key(variant.sku)}" for variant in draft.variants if variant.sku}
        if draft.handle:
            names.add(draft.handle)
        if chunk and (len(chunk) >= CHUNK_PRODUCTS or lines + draft.line_count > CHUNK_LINES or names & named):
            yield chunk
            chunk, named, lines = [], set(), 0
        chunk.append(draft)
        named |= names
        lines += draft.line_count
    if chunk:
        yield chunk
