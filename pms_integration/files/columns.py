"""The columns that are imported, their names in the files of shops, and their positions in one file.

Shopify has renamed its columns twice (in 2021 and in 2025), and WooCommerce has other names; a file may mix them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pms_integration.exceptions import FileUnusable
from pms_integration.files.records import Problem
from products.skus import without_invisible

# Shopify has three; our products may have more.
SHOPIFY_OPTIONS: Final = 3
MAX_OPTIONS: Final = 10
# A WooCommerce product may have more attributes than options; their numbers have two digits.
MAX_ATTRIBUTES: Final = 100


class Column:
    """The imported columns: those of Shopify in their order, with the names of before 2025, then WooCommerce's."""

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
    # WooCommerce's columns that have no equivalent in Shopify's.
    ID: Final = "ID"
    KIND: Final = "Kind"
    PARENT: Final = "Parent"
    CATEGORIES: Final = "Categories"
    REGULAR_PRICE: Final = "Regular price"
    SALE_PRICE: Final = "Sale price"
    WEIGHT: Final = "Weight (kg)"
    IN_STOCK: Final = "In stock?"
    IMAGES: Final = "Images"


# No enum: dictionaries are faster with keys that are exactly `str`, and each cell is a lookup.
_ALL: Final[list[str]] = [value for name, value in vars(Column).items() if name.isupper()]


def option_name(number: int) -> str:
    """The column of an option's name; the first is 1."""
    return f"Option{number} Name"


def option_value(number: int) -> str:
    """The column of a variant's value of an option."""
    return f"Option{number} Value"


def exported_columns(options: int) -> list[str]:
    """The columns of an export with that many options, in Shopify's order."""
    names = [column(number) for number in range(1, options + 1) for column in (option_name, option_value)]
    variant, end = _ALL.index(Column.SKU), _ALL.index(Column.ID)
    return [*_ALL[:variant], *names, *_ALL[variant:end]]


def attribute_name(number: int) -> str:
    """WooCommerce's column of an attribute's name; the first is 1."""
    return f"Attribute {number} name"


def attribute_values(number: int) -> str:
    """WooCommerce's column of the attribute's values; a variation has one value."""
    return f"Attribute {number} value(s)"


# Earlier and later names of Shopify, and those of WooCommerce.
_OTHER_NAMES: Final = {
    Column.HANDLE: ("URL handle",),
    Column.TITLE: ("Name",),
    Column.BODY: ("Description",),
    Column.VENDOR: ("Brands",),
    Column.CATEGORY: ("Standardized Product Type", "Standard Product Type"),
    Column.TYPE: ("Custom Product Type",),
    Column.PUBLISHED: ("Published on online store",),
    Column.SKU: ("SKU",),
    Column.GRAMS: ("Weight value (grams)",),
    Column.QUANTITY: ("Inventory quantity", "Stock"),
    Column.PRICE: ("Price",),
    Column.COMPARE_AT: ("Compare-at price", "Compare at price"),
    Column.BARCODE: ("Barcode", "GTIN, UPC, EAN, or ISBN"),
    Column.IMAGE_SRC: ("Product image URL",),
    Column.COST: ("Cost of goods",),
    Column.WEIGHT: ("Weight (g)", "Weight (lbs)", "Weight (oz)"),
}
_ATTRIBUTE: Final = re.compile(r"attribute ([0-9]{1,2}) (name|value\(s\))")
_KNOWN: Final = {
    # `Kind` is the name of WooCommerce's `Type` here only.
    **{name.casefold(): name for name in exported_columns(MAX_OPTIONS)},
    **{name.casefold(): name for name in _ALL if name != Column.KIND},
    **{other.casefold(): name for name, others in _OTHER_NAMES.items() for other in others},
}
# A file without handles is WooCommerce's if it has one of these columns and SKUs or ids.
_WOOCOMMERCE_ONLY: Final = (
    Column.TYPE, Column.PARENT, Column.CATEGORIES, Column.REGULAR_PRICE, Column.SALE_PRICE, Column.IN_STOCK,
    Column.IMAGES,
)  # fmt: skip


def column_of(name: str) -> str | None:
    """The column with this name in a file, in any case; None if it is not imported."""
    folded = " ".join(without_invisible(name).split()).casefold()
    if match := _ATTRIBUTE.fullmatch(folded):
        column = attribute_name if match[2] == "name" else attribute_values
        return column(int(match[1]))
    return _KNOWN.get(folded)


# The column of WooCommerce from which a column of Shopify is derived (`woocommerce.cell_of`).
_DERIVED_FROM: Final = {
    Column.PRICE: Column.REGULAR_PRICE,
    Column.COMPARE_AT: Column.SALE_PRICE,
    Column.GRAMS: Column.WEIGHT,
    Column.CATEGORY: Column.CATEGORIES,
    Column.QUANTITY: Column.IN_STOCK,
    Column.IMAGE_SRC: Column.IMAGES,
}
# The columns of WooCommerce that relate lines to each other.
_GROUPING: Final = (
    *(Column.ID, Column.PARENT),
    *(column(number) for number in range(MAX_ATTRIBUTES) for column in (attribute_name, attribute_values)),
)


class Columns:
    """The positions of the imported columns in a file. A file may have a column under several of its names.

    Raises `FileUnusable` if no column identifies the product of a line, or if a name is there twice.
    """

    def __init__(self, names: list[str]) -> None:
        self._indexes: dict[str, list[int]] = {}
        self.unknown: list[str] = []
        self.names = names
        # The numbers of WooCommerce's attribute columns.
        self.attributes: list[int] = []
        for index, name in enumerate(names):
            column = column_of(name)
            if column is not None:
                indexes = self._indexes.setdefault(column, [])
                if name.casefold() in (names[other].casefold() for other in indexes):
                    raise FileUnusable(f"The column {names[indexes[0]]} is there twice.")
                indexes.append(index)
            elif name and name not in self.unknown:
                self.unknown.append(name)
        if Column.SALE_PRICE in self and Column.REGULAR_PRICE not in self:
            # Without a regular price it is unclear whether it is the price or the compare-at price.
            self.unknown += [names[index] for index in self._indexes.pop(Column.SALE_PRICE)]
        is_identified_by_sku = Column.HANDLE not in self and (Column.SKU in self or Column.ID in self)
        self.is_woocommerce = is_identified_by_sku and any(column in self for column in _WOOCOMMERCE_ONLY)
        if Column.HANDLE not in self and not self.is_woocommerce:
            hint = " Its columns have to be parted by commas." if len(names) == 1 else ""
            raise FileUnusable(f"The first line names no column {Column.HANDLE}.{hint}")
        if self.is_woocommerce:
            self._add_woocommerce_columns()
        else:
            self.unknown += [names[index] for column in _GROUPING for index in self._indexes.pop(column, ())]
        numbers = [number for number in range(1, MAX_OPTIONS + 1) if option_value(number) in self]
        self.option_values = [option_value(number) for number in numbers]
        self.option_names = [option_name(number) for number in numbers]

    def __contains__(self, column: str) -> bool:
        return column in self._indexes

    def _add_woocommerce_columns(self) -> None:
        """Reads `Type` as the kind of a line, and adds columns for handle and options after the file's own."""
        self._indexes[Column.KIND] = self._indexes.pop(Column.TYPE, [])
        self.attributes = [number for number in range(1, MAX_ATTRIBUTES) if attribute_name(number) in self]
        more = [Column.HANDLE]
        if self.attributes:
            numbers = range(1, MAX_OPTIONS + 1)
            more += [column(number) for number in numbers for column in (option_name, option_value)]
        self._indexes |= {column: [len(self.names) + index] for index, column in enumerate(more)}

    def name_of(self, column: str) -> str:
        """The file's name of the column."""
        indexes = self._indexes.get(column) or self._indexes.get(_DERIVED_FROM.get(column, ""), [])
        return self.names[indexes[0]] if indexes and indexes[0] < len(self.names) else column

    def indexes(self, column: str) -> Sequence[int]:
        """The positions of the column in a line."""
        return self._indexes.get(column, ())

    def has(self, column: str) -> bool:
        """Whether the file has a column of Shopify, or the column of WooCommerce from which it is derived."""
        return column in self or _DERIVED_FROM.get(column, "") in self

    def cell(self, values: list[str], column: str) -> str:
        """The cell of a line in the column, the first with content; empty if the file does not have the column."""
        cell = ""
        for index in self._indexes.get(column, ()):
            cell = values[index] if index < len(values) else ""
            if cell.strip():
                break
        return cell

    def with_cells(self, values: list[str], cells: Mapping[str, str]) -> list[str]:
        """A copy of the line with these cells replaced; columns that the file does not have are ignored."""
        changed = list(values)
        for column, cell in cells.items():
            for index in self._indexes.get(column, ()):
                changed[index] = cell
        return changed

    def warnings(self) -> list[Problem]:
        """A warning if the file has columns that are not imported."""
        if not self.unknown:
            return []
        detail = f"Not kept, since there is nothing here for it: {', '.join(self.unknown)}."
        return [Problem(1, "", "unknown_columns", detail[:500])]
