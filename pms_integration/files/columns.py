"""Shopify's columns: which of them are kept, and where they stand in a file."""

from typing import Final

from pms_integration.files.problems import FileUnusable, Problem

HANDLE: Final = "Handle"
TITLE: Final = "Title"
BODY: Final = "Body (HTML)"
VENDOR: Final = "Vendor"
CATEGORY: Final = "Product Category"
TYPE: Final = "Type"
TAGS: Final = "Tags"
PUBLISHED: Final = "Published"
SKU: Final = "Variant SKU"
GRAMS: Final = "Variant Grams"
QUANTITY: Final = "Variant Inventory Qty"
PRICE: Final = "Variant Price"
COMPARE_AT: Final = "Variant Compare At Price"
BARCODE: Final = "Variant Barcode"
IMAGE_SRC: Final = "Image Src"
IMAGE_POSITION: Final = "Image Position"
IMAGE_ALT: Final = "Image Alt Text"
CURRENCY: Final = "Variant Currency"
COST: Final = "Cost per item"
STATUS: Final = "Status"
# Shopify has three; a product here may have more.
SHOPIFYS_OPTIONS: Final = 3
MAX_OPTIONS: Final = 10


def option_name(number: int) -> str:
    """The column of an option's name; the first is 1."""
    return f"Option{number} Name"


def option_value(number: int) -> str:
    """The column of a variant's value of that option."""
    return f"Option{number} Value"


def exported_columns(options: int) -> list[str]:
    """Those of an export, in Shopify's order, with room for so many options."""
    of_options = [column for number in range(1, options + 1) for column in (option_name(number), option_value(number))]
    return [
        *(HANDLE, TITLE, BODY, VENDOR, CATEGORY, TYPE, TAGS, PUBLISHED),
        *of_options,
        *(SKU, GRAMS, QUANTITY, PRICE, COMPARE_AT, BARCODE, IMAGE_SRC, IMAGE_POSITION, IMAGE_ALT),
        *(CURRENCY, COST, STATUS),
    ]


_KNOWN: Final = {name.casefold(): name for name in exported_columns(MAX_OPTIONS)}


class Columns:
    """Where the columns that we keep stand in a file; names are compared regardless of case."""

    def __init__(self, names: list[str]) -> None:
        self._places = {_KNOWN[name.casefold()]: index for index, name in enumerate(names) if name.casefold() in _KNOWN}
        self.unknown = [name for name in names if name and name.casefold() not in _KNOWN]
        if HANDLE not in self._places:
            parted = " Its columns have to be parted by commas." if len(names) == 1 else ""
            raise FileUnusable(f"The first line names no column {HANDLE}.{parted}")
        numbers = [number for number in range(1, MAX_OPTIONS + 1) if option_value(number) in self._places]
        self.option_values = [option_value(number) for number in numbers]
        self.option_names = [option_name(number) for number in numbers]

    def __contains__(self, column: str) -> bool:
        return column in self._places

    def find(self, column: str) -> int | None:
        """The column's place; None where the file does not have it."""
        return self._places.get(column)

    def index(self, column: str) -> int:
        """The same, of a column that is there."""
        return self._places[column]

    def warnings(self) -> list[Problem]:
        """One, where there are columns that are not kept."""
        if not self.unknown:
            return []
        detail = f"Not kept, since there is nothing here for it: {', '.join(self.unknown)}."
        return [Problem(1, "", "unknown_columns", detail[:500])]
