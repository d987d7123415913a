"""Files that change stock in bulk: text with a header line, as a spreadsheet saves or copies it."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from inventory.services.bulk import MAX_BULK_ROWS
from pms_backend.api.spreadsheets import (
    guarded,
    guarded_code,
    is_guarded,
    is_rounded_by_excel,
    unguarded,
    unguarded_code,
)

# Ten thousand rows of a SKU, a location, a quantity and a short note are below one megabyte.
MAX_BULK_BYTES: Final = 2 * 1024 * 1024
COLUMNS: Final = ("sku", "barcode", "location", "on_hand", "delta", "reason", "note", "reference")
SKU, BARCODE, LOCATION, ON_HAND, DELTA, REASON, NOTE, REFERENCE = COLUMNS
# The titles of our own lists.
_OTHER_NAMES: Final = {"sku_or_barcode": SKU, "counted": ON_HAND, "change": DELTA}
_SEPARATORS: Final = (",", ";", "\t")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
# XLSX and ODS are ZIP files; XLS is older.
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# A minus as wide as the plus, as our own pages show it.
_MINUS: Final = "\u2212"
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,12}(\.0+)?")


class BulkFileUnusable(Exception):
    """The file as a whole cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row, by the number of its first line: its cells as they are in the file, and by column as they are meant."""

    line: int
    cells: list[str]
    values: dict[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BulkFile:
    """The names of the columns as the file has them, the rows, and whether they are counts or changes."""

    header: list[str]
    rows: list[FileRow]
    are_counts: bool


def read_bulk_file(content: bytes) -> BulkFile:
    """The rows of a file. Raises `BulkFileUnusable`."""
    text = _text_of(content)
    first_line = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    separator = max(_SEPARATORS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records = _records(reader)
    _line, header = next(records, (0, []))
    indexes = _indexes(header)
    rows: list[FileRow] = []
    for line, cells in records:
        if len(rows) == MAX_BULK_ROWS:
            raise BulkFileUnusable(_("The file has more than %(limit)s rows. Split it.") % {"limit": MAX_BULK_ROWS})
        rows.append(_row(line, cells, header, indexes))
    if not rows:
        raise BulkFileUnusable(_("There are no rows below the line with the names of the columns."))
    return BulkFile(header, rows, are_counts=ON_HAND in indexes)


def whole_number(cell: str) -> int | None:
    """A number such as 12, +5, -3 or 7.00; None for any other text."""
    text = cell.replace(_MINUS, "-").replace(" ", "")
    return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else None


def cells_to_correct(header: list[str], cells: list[str]) -> list[str]:
    """The cells of a row as a spreadsheet shows them unchanged, one for each column."""
    codes = {index for index, name in enumerate(header) if _column_of(name) in (SKU, BARCODE)}
    padded = (cells + [""] * len(header))[: len(header)]
    return [_safe(cell, is_code=index in codes) for index, cell in enumerate(padded)]


def _safe(cell: str, *, is_code: bool) -> str:
    if is_code:
        code = unguarded_code(cell)
        # As a number it would lose its first zeros, or its last digits.
        return f"'{code}" if code.isascii() and code.isdigit() else guarded_code(code)
    # The sign of a number is no formula.
    return cell if whole_number(cell) is not None or is_guarded(cell) else guarded(cell)


def _text_of(content: bytes) -> str:
    if len(content) > MAX_BULK_BYTES:
        limit = {"limit": MAX_BULK_BYTES // 1024 // 1024}
        raise BulkFileUnusable(_("The file is larger than %(limit)s MB. Split it.") % limit)
    if content.startswith(_WORKBOOKS):
        raise BulkFileUnusable(_("This is a workbook. Save the sheet as CSV, or copy its cells and paste them."))
    if content.startswith(_UTF_16):
        raise BulkFileUnusable(_("The file is in UTF-16. Save it as “CSV UTF-8”."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BulkFileUnusable(
            _("Line %(line)s is not UTF-8. Save the file as “CSV UTF-8”.") % {"line": line}
        ) from None
    if "\x00" in text:
        raise BulkFileUnusable(_("The file holds a NUL character: it is not a text."))
    return text


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, with the numbers of their first lines."""
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = {"line": line, "error": error}
            raise BulkFileUnusable(_("Line %(line)s cannot be read as CSV: %(error)s.") % problem) from None
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1  # type: ignore[attr-defined]  # of csv's reader


def _column_of(name: str) -> str:
    key = "_".join(name.casefold().split())
    return _OTHER_NAMES.get(key, key)


def _indexes(header: list[str]) -> dict[str, int]:
    indexes: dict[str, int] = {}
    for index, name in enumerate(header):
        column = _column_of(name)
        if column not in COLUMNS:
            continue
        if column in indexes:
            raise BulkFileUnusable(_("The column %(name)s is there twice.") % {"name": column})
        indexes[column] = index
    if SKU not in indexes and BARCODE not in indexes:
        raise BulkFileUnusable(_("The first line names no column “sku”. It has to name the columns."))
    if (ON_HAND in indexes) == (DELTA in indexes):
        raise BulkFileUnusable(
            _("The first line names either “on_hand”, for counts, or “delta”, for changes, and not both.")
        )
    return indexes


def _row(line: int, cells: list[str], header: list[str], indexes: dict[str, int]) -> FileRow:
    values = {column: unguarded(cells[index].strip()) for column, index in indexes.items() if index < len(cells)}
    for column in (SKU, BARCODE):
        if column in values:
            values[column] = unguarded_code(cells[indexes[column]].strip())
    problem = ""
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        problem = _("It has more cells than there are columns.")
    elif any(is_rounded_by_excel(values.get(column, "")) for column in (SKU, BARCODE)):
        problem = _("A spreadsheet has rounded this code; format the column as text, and enter the code again.")
    return FileRow(line, cells, values, problem)
