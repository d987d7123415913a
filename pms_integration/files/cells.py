"""What stands in one cell of a CSV file, in both directions."""

import functools
import re
import unicodedata
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from pms_backend.api import serializers

REMEMBERED_VALUES: Final = 4_096
# What a spreadsheet would take for a formula, full-width signs included, however many apostrophes are before it.
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# Shopify and Excel put an apostrophe before the digits of a code, so that it stays text; or Excel is told `="0123"`.
_CODE_AS_TEXT: Final = re.compile(r"'+[0-9]")
_CODE_AS_FORMULA: Final = re.compile(r'="([^"]*)"')
# What Excel makes of a long number; the digits behind the sixth are lost.
_ROUNDED_BY_EXCEL: Final = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)
_DECIMAL: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?")
# As precise as a program's arithmetic has left it, and with the comma of half of Europe.
_WEIGHT: Final = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{0,40})?|[.,][0-9]{1,40}")
# Here nobody knows whether the comma parts thousands.
_AMBIGUOUS: Final = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_WHOLE: Final = re.compile(r"(-?[0-9]{1,12})(\.0+)?")
# English words, and those that Excel writes in German, French and Spanish. -1 is a draft of WooCommerce's.
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1", "wahr", "ja", "j", "vrai", "oui", "verdadero", "sí", "si", "s"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0", "-1", "falsch", "nein", "faux", "non", "falso"})
_TAG: Final = re.compile(r"(?:\\[,\\]|[^,])+")


class BadCell(Exception):
    """A cell that does not say what its column is for."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet computes: with an apostrophe where it begins like a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text of a cell, without the apostrophe that `guarded` put there."""
    return cell[1:] if is_guarded(cell) else cell


def is_guarded(cell: str) -> bool:
    """Whether the cell has the apostrophe of `guarded` already."""
    return cell.startswith("'") and _FORMULA.match(cell) is not None


def guarded_code(code: str) -> str:
    """A SKU or barcode as a cell: the same, and guarded where an import would take an apostrophe of its own away."""
    return f"'{code}" if _CODE_AS_TEXT.match(code) else guarded(code)


def unguarded_code(cell: str) -> str:
    """A SKU or barcode of a cell, without what made a spreadsheet keep its digits."""
    if as_formula := _CODE_AS_FORMULA.fullmatch(cell):
        return as_formula[1]
    return cell[1:] if _CODE_AS_TEXT.match(cell) else unguarded(cell)


def is_rounded_by_excel(code: str) -> bool:
    """Whether a SKU or barcode is a long number that Excel has shortened."""
    return _ROUNDED_BY_EXCEL.fullmatch(code) is not None


def read_amount(cell: str) -> Decimal:
    """An amount of money."""
    if _DECIMAL.fullmatch(cell):
        # Zeros behind the cents say nothing.
        return Decimal(cell.rstrip("0").rstrip(".")) if "." in cell else Decimal(cell)
    if cell.startswith("-") and _DECIMAL.fullmatch(cell[1:]):
        raise BadCell("negative_amount", f"{cell} is below zero.")
    raise BadCell(
        "invalid_amount", f"{_shown(cell)} is no amount: write it like 1299.00, without currency and thousands."
    )


def read_whole(cell: str) -> int:
    """A whole number."""
    match = _WHOLE.fullmatch(cell)
    if match is None:
        raise BadCell("invalid_number", f"{_shown(cell)} is no whole number.")
    return int(match[1])


def read_weight(cell: str, grams: Decimal = Decimal(1)) -> int:
    """A weight in units of so many grams, rounded to whole grams."""
    if _WEIGHT.fullmatch(cell) is None or _AMBIGUOUS.fullmatch(cell):
        raise BadCell("invalid_number", f"{_shown(cell)} is no weight: write it like 226.8, without a unit.")
    return int((Decimal(cell.replace(",", ".")) * grams).quantize(Decimal(1), ROUND_HALF_UP))


def read_flag(cell: str) -> bool:
    """True or false."""
    word = unicodedata.normalize("NFKC", cell).casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadCell("invalid_flag", f"{_shown(cell)} is neither true nor false.")


def read_tags(cell: str) -> list[str]:
    """Tags that are parted by commas; a comma within a tag has a backslash before it, and so has a backslash."""
    tags = (re.sub(r"\\([,\\])", r"\1", tag).strip() for tag in _TAG.findall(cell))
    return [tag for tag in tags if tag]


def write_tags(tags: list[str]) -> str:
    """The cell that `read_tags` reads."""
    return ", ".join(tag.replace("\\", "\\\\").replace(",", "\\,") for tag in tags)


def checked_by(field: serializers.Field[Any, Any, Any, Any]) -> Callable[[Any], Any]:
    """What the API's own field makes of a value; raises `BadCell` with its reason."""

    def check(value: Any) -> Any:
        try:
            return field.run_validation(value)
        except serializers.ValidationError as error:
            first: Any = error.get_full_details()
            while not (isinstance(first, dict) and "message" in first):
                first = next(iter(first.values())) if isinstance(first, dict) else first[0]
            raise BadCell(str(first["code"]), f"{_shown(value)}: {first['message']}") from None

    return check


def remembered(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same for cells of which a file repeats the few values that it has; they and what they come to are small."""
    return functools.lru_cache(maxsize=REMEMBERED_VALUES)(check)


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
