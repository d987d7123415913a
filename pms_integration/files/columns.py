"""The columns of shops' files: which of them are kept, by which names, and where they stand in a file.

Shopify has renamed its columns twice (in 2021 and in 2025), and WooCommerce has names of its own; a file may mix them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pms_integration.files.problems import FileUnusable, Problem
from products.skus import without_invisible

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
# WooCommerce's, which say what no column of Shopify's says.
ID: Final = "ID"
KIND: Final = "Kind"
PARENT: Final = "Parent"
CATEGORIES: Final = "Categories"
REGULAR_PRICE: Final = "Regular price"
SALE_PRICE: Final = "Sale price"
WEIGHT: Final = "Weight (kg)"
IN_STOCK: Final = "In stock?"
IMAGES: Final = "Images"
# Shopify has three; a product here may have more.
SHOPIFYS_OPTIONS: Final = 3
MAX_OPTIONS: Final = 10
# A product of WooCommerce's may have more attributes than its variations differ in; their numbers have two digits.
MAX_ATTRIBUTES: Final = 100


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


def attribute_name(number: int) -> str:
    """WooCommerce's column of an attribute's name; the first is 1."""
    return f"Attribute {number} name"


def attribute_values(number: int) -> str:
    """WooCommerce's column of that attribute's values, of which a variation has one."""
    return f"Attribute {number} value(s)"


# What a column was called at other times, and by WooCommerce.
_OTHER_NAMES: Final = {
    HANDLE: ("URL handle",),
    TITLE: ("Name",),
    BODY: ("Description",),
    VENDOR: ("Brands",),
    CATEGORY: ("Standardized Product Type", "Standard Product Type"),
    TYPE: ("Custom Product Type",),
    PUBLISHED: ("Published on online store",),
    SKU: ("SKU",),
    GRAMS: ("Weight value (grams)",),
    QUANTITY: ("Inventory quantity", "Stock"),
    PRICE: ("Price",),
    COMPARE_AT: ("Compare-at price", "Compare at price"),
    BARCODE: ("Barcode", "GTIN, UPC, EAN, or ISBN"),
    IMAGE_SRC: ("Product image URL",),
    COST: ("Cost of goods",),
    WEIGHT: ("Weight (g)", "Weight (lbs)", "Weight (oz)"),
}
_WOOCOMMERCES: Final = (ID, PARENT, CATEGORIES, REGULAR_PRICE, SALE_PRICE, WEIGHT, IN_STOCK, IMAGES)
_OF_ATTRIBUTE: Final = re.compile(r"attribute ([0-9]{1,2}) (name|value\(s\))")
_KNOWN: Final = {name.casefold(): name for name in (*exported_columns(MAX_OPTIONS), *_WOOCOMMERCES)} | {
    other.casefold(): name for name, others in _OTHER_NAMES.items() for other in others
}
# A file without handles that has one of these beside SKUs or ids is WooCommerce's.
_MARKS_OF_WOOCOMMERCE: Final = (TYPE, PARENT, CATEGORIES, REGULAR_PRICE, SALE_PRICE, IN_STOCK, IMAGES)


def column_of(name: str) -> str | None:
    """The column that a file calls by this name, in whatever case; None where it is not kept."""
    folded = " ".join(without_invisible(name).split()).casefold()
    if of_attribute := _OF_ATTRIBUTE.fullmatch(folded):
        column = attribute_name if of_attribute[2] == "name" else attribute_values
        return column(int(of_attribute[1]))
    return _KNOWN.get(folded)


# What a column of Shopify's is made of where the file has it in WooCommerce's way (`woocommerce_cells`).
_MADE_OF: Final = {
    PRICE: REGULAR_PRICE, COMPARE_AT: SALE_PRICE, GRAMS: WEIGHT, CATEGORY: CATEGORIES, QUANTITY: IN_STOCK,
    IMAGE_SRC: IMAGES,
}  # fmt: skip


_GROUPING: Final = (
    *(ID, PARENT),
    *(column(number) for number in range(MAX_ATTRIBUTES) for column in (attribute_name, attribute_values)),
)


class Columns:
    """Where the columns that we keep stand in a file. A column may be there under several of its names.

    Raises `FileUnusable` where nothing says which product a line is of, or where a name that is kept is there twice.
    """

    def __init__(self, names: list[str]) -> None:
        self._places: dict[str, list[int]] = {}
        self.unknown: list[str] = []
        self.names = names
        # The numbers of WooCommerce's.
        self.attributes: list[int] = []
        for index, name in enumerate(names):
            column = column_of(name)
            if column is not None:
                places = self._places.setdefault(column, [])
                if name.casefold() in (names[place].casefold() for place in places):
                    raise FileUnusable(f"The column {names[places[0]]} is there twice.")
                places.append(index)
            elif name and name not in self.unknown:
                self.unknown.append(name)
        if SALE_PRICE in self and REGULAR_PRICE not in self:
            # Which of a variant's prices it would be, nothing says.
            self.unknown += [names[place] for place in self._places.pop(SALE_PRICE)]
        self.is_woocommerces = (
            HANDLE not in self
            and (SKU in self or ID in self)
            and any(column in self for column in _MARKS_OF_WOOCOMMERCE)
        )
        if HANDLE not in self and not self.is_woocommerces:
            parted = " Its columns have to be parted by commas." if len(names) == 1 else ""
            raise FileUnusable(f"The first line names no column {HANDLE}.{parted}")
        if self.is_woocommerces:
            self._become_woocommerces()
        else:
            self.unknown += [names[place] for column in _GROUPING for place in self._places.pop(column, ())]
        numbers = [number for number in range(1, MAX_OPTIONS + 1) if option_value(number) in self]
        self.option_values = [option_value(number) for number in numbers]
        self.option_names = [option_name(number) for number in numbers]

    def __contains__(self, column: str) -> bool:
        return column in self._places

    def _become_woocommerces(self) -> None:
        """`Type` says whether a line is a product or a variation; handle and options stand behind the file's cells."""
        self._places[KIND] = self._places.pop(TYPE, [])
        self.attributes = [number for number in range(1, MAX_ATTRIBUTES) if attribute_name(number) in self]
        more = [HANDLE]
        if self.attributes:
            numbers = range(1, MAX_OPTIONS + 1)
            more += [column(number) for number in numbers for column in (option_name, option_value)]
        self._places |= {column: [len(self.names) + index] for index, column in enumerate(more)}

    def name_of(self, column: str) -> str:
        """What the file calls the column."""
        places = self._places.get(column) or self._places.get(_MADE_OF.get(column, ""), [])
        return self.names[places[0]] if places and places[0] < len(self.names) else column

    def places(self, column: str) -> Sequence[int]:
        """Where it stands."""
        return self._places.get(column, ())

    def has(self, column: str) -> bool:
        """Whether the file says what a column of Shopify's says, in that or in another way."""
        return column in self or _MADE_OF.get(column, "") in self

    def cell(self, values: list[str], column: str) -> str:
        """What a line has in the column; nothing where the file does not have it."""
        cell = ""
        for place in self._places.get(column, ()):
            cell = values[place] if place < len(values) else ""
            if cell.strip():
                break
        return cell

    def with_cells(self, values: list[str], cells: Mapping[str, str]) -> list[str]:
        """A line that has these cells instead, as far as the file has their columns."""
        changed = list(values)
        for column, cell in cells.items():
            for place in self._places.get(column, ()):
                changed[place] = cell
        return changed

    def warnings(self) -> list[Problem]:
        """One, where there are columns that are not kept."""
        if not self.unknown:
            return []
        detail = f"Not kept, since there is nothing here for it: {', '.join(self.unknown)}."
        return [Problem(1, "", "unknown_columns", detail[:500])]
