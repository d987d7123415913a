"""The cells of a CSV file of products: reading them, and checking them with the API's own fields."""

import functools
import re
import unicodedata
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from inventory.models import MAX_QUANTITY
from pms_backend.api import serializers
from pms_integration.files.columns import Column
from products.fields import ClearableCharField
from products.models import MAX_BARCODE_LENGTH, ProductStatus
from products.serializers import MAX_POSITION, OptionSerializer, ProductInputSerializer, VariantInputSerializer

# Text that a spreadsheet would show as a number.
CODES: Final = frozenset({Column.SKU, Column.BARCODE})
# Free text, in which leading and trailing spaces may have a meaning.
UNTRIMMED: Final = frozenset({Column.BODY, Column.TYPE, Column.IMAGE_ALT})
MAX_CACHED_CELLS: Final = 4_096
_DECIMAL: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?")
# Any precision, with a decimal point or a decimal comma.
_WEIGHT: Final = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{0,40})?|[.,][0-9]{1,40}")
# The comma may be a decimal comma or separate thousands.
_AMBIGUOUS: Final = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_WHOLE: Final = re.compile(r"(-?[0-9]{1,12})(\.0+)?")
# English words, and the German, French and Spanish words of Excel. WooCommerce writes -1 for a draft.
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1", "wahr", "ja", "j", "vrai", "oui", "verdadero", "sí", "si", "s"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0", "-1", "falsch", "nein", "faux", "non", "falso"})
_TAG: Final = re.compile(r"(?:\\[,\\]|[^,])+")
_LIST_VALUE: Final = re.compile(r"(?:\\,|[^,])+")


_STATUSES: Final = {
    "active": ProductStatus.ACTIVE,
    "draft": ProductStatus.DRAFT,
    "archived": ProductStatus.ARCHIVED,
    "unlisted": ProductStatus.DRAFT,
}


class BadCell(Exception):
    """A cell with an invalid value for its column."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_amount(cell: str) -> Decimal:
    """An amount of money."""
    if _DECIMAL.fullmatch(cell):
        # Zeros after the cents are accepted.
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
    """A weight in whole grams, rounded; `grams` is the unit of the cell."""
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
    """Tags separated by commas; a comma or backslash within a tag is escaped with a backslash."""
    tags = (re.sub(r"\\([,\\])", r"\1", tag).strip() for tag in _TAG.findall(cell))
    return [tag for tag in tags if tag]


def write_tags(tags: list[str]) -> str:
    """The cell that `read_tags` reads."""
    return ", ".join(tag.replace("\\", "\\\\").replace(",", "\\,") for tag in tags)


def read_list(cell: str) -> list[str]:
    """Values separated by commas, as WooCommerce writes them: a comma within a value is escaped with a backslash."""
    values = (value.replace("\\,", ",").strip() for value in _LIST_VALUE.findall(cell))
    return [value for value in values if value]


def read_quantity(cell: str) -> int:
    """A quantity, which may be negative."""
    quantity = read_whole(cell)
    if quantity > MAX_QUANTITY:
        raise BadCell("invalid_quantity", f"{quantity} is more than {MAX_QUANTITY}.")
    return quantity


def read_position(cell: str) -> int:
    """The position of a picture."""
    position = read_whole(cell)
    if not 0 <= position <= MAX_POSITION:
        raise BadCell("invalid_position", f"{position} is not between 0 and {MAX_POSITION}.")
    return position


def read_status(cell: str) -> ProductStatus:
    """A status of Shopify; `unlisted` becomes a draft."""
    if cell.casefold() not in _STATUSES:
        raise BadCell("invalid_status", f"{cell} is none of {', '.join(_STATUSES)}.")
    return _STATUSES[cell.casefold()]


def _checked_by(field: serializers.Field[Any, Any, Any, Any]) -> Callable[[Any], Any]:
    """A function that validates a value with a field of the API and raises `BadCell` with its message."""

    def check(value: Any) -> Any:
        try:
            return field.run_validation(value)
        except serializers.ValidationError as error:
            first: Any = error.get_full_details()
            while not (isinstance(first, dict) and "message" in first):
                first = next(iter(first.values())) if isinstance(first, dict) else first[0]
            raise BadCell(str(first["code"]), f"{_shown(value)}: {first['message']}") from None

    return check


def _cached(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Caches the results for columns that repeat few, small values."""
    return functools.lru_cache(maxsize=MAX_CACHED_CELLS)(check)


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


_PRODUCT: Final[Any] = ProductInputSerializer().fields
_VARIANT: Final[Any] = VariantInputSerializer().fields
check_handle: Final = _checked_by(_PRODUCT["handle"])
check_option_name: Final = _cached(_checked_by(OptionSerializer().fields["name"]))
check_option_value: Final = _cached(_checked_by(_VARIANT["options"].child))
check_sku: Final = _checked_by(_VARIANT["sku"])
_check_tags: Final = _checked_by(_PRODUCT["tags"])
_check_amount: Final = _cached(_checked_by(_VARIANT["price"]))
_check_weight: Final = _cached(_checked_by(_VARIANT["weight_grams"]))
# A wrong check digit is a warning in a file (`ParsedProduct.warn_of_codes`), not an error as in the API.
_check_barcode: Final = _checked_by(ClearableCharField(max_length=MAX_BARCODE_LENGTH))


def _read_price(cell: str) -> Any:
    return _check_amount(read_amount(cell)) if cell else None


def _read_grams(cell: str) -> Any:
    return _check_weight(read_weight(cell)) if cell else None


def _read_barcode(cell: str) -> Any:
    return _check_barcode(cell) if cell else ""


def _read_checked_tags(cell: str) -> Any:
    return _check_tags(read_tags(cell))


# Column, the member that a service takes, and the reader of a cell.
PRODUCT_CELLS: Final = (
    (Column.TITLE, "name", _checked_by(_PRODUCT["name"])),
    (Column.BODY, "description", _checked_by(_PRODUCT["description"])),
    (Column.VENDOR, "brand", _cached(_checked_by(_PRODUCT["brand"]))),
    (Column.TAGS, "tags", _read_checked_tags),
)
VARIANT_CELLS: Final = (
    (Column.PRICE, "price", _read_price),
    (Column.COMPARE_AT, "compare_at_price", _read_price),
    (Column.COST, "cost", _read_price),
    (Column.CURRENCY, "currency", _cached(_checked_by(_VARIANT["currency"]))),
    (Column.GRAMS, "weight_grams", _read_grams),
    (Column.BARCODE, "barcode", _read_barcode),
)
