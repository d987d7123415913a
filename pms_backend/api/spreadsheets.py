"""Cells of CSV files that spreadsheets open and save: what they would change is marked as text."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

# Python quotes a carriage return within a cell only if it is part of the line terminator.
_LINE_TERMINATOR: Final = "\r\n"
# Text that a spreadsheet would evaluate as a formula, with full-width signs and any number of apostrophes before it.
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# Two ways to make Excel treat the digits of a code as text: an apostrophe before them (Shopify does so), or `="0123"`.
_CODE_AS_TEXT: Final = re.compile(r"'+[0-9]")
_CODE_AS_FORMULA: Final = re.compile(r'="([^"]*)"')
# The form in which Excel saves a long number; the digits after the sixth are lost.
_ROUNDED_BY_EXCEL: Final = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)


def guarded(text: str) -> str:
    """The text with an apostrophe before it if a spreadsheet would evaluate it as a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text of a cell without the apostrophe of `guarded`."""
    return cell[1:] if is_guarded(cell) else cell


def is_guarded(cell: str) -> bool:
    """Whether the cell has the apostrophe of `guarded`."""
    return cell.startswith("'") and _FORMULA.match(cell) is not None


def guarded_code(code: str) -> str:
    """A SKU or barcode as a cell; one that begins with an apostrophe and a digit is guarded too, to keep both."""
    return f"'{code}" if _CODE_AS_TEXT.match(code) else guarded(code)


def unguarded_code(cell: str) -> str:
    """The SKU or barcode in a cell, without the marks that make a spreadsheet treat it as text."""
    if as_formula := _CODE_AS_FORMULA.fullmatch(cell):
        return as_formula[1]
    return cell[1:] if _CODE_AS_TEXT.match(cell) else unguarded(cell)


def is_rounded_by_excel(code: str) -> bool:
    """Whether a SKU or barcode looks like a long number that Excel has rounded."""
    return _ROUNDED_BY_EXCEL.fullmatch(code) is not None


def csv_row(cells: Iterable[Any]) -> bytes:
    """A line of a CSV file."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=_LINE_TERMINATOR).writerow(cells)
    return f"{buffer.getvalue().removesuffix(_LINE_TERMINATOR)}\n".encode()
