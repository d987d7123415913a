"""What WooCommerce writes otherwise than Shopify, read as a cell of Shopify's column."""

import re
from decimal import Decimal
from typing import Final

from pms_integration.files.categories import NO_CATEGORY
from pms_integration.files.cells import BadCell, read_flag, read_weight
from pms_integration.files.columns import (
    BODY,
    CATEGORIES,
    CATEGORY,
    COMPARE_AT,
    GRAMS,
    IMAGE_SRC,
    IMAGES,
    IN_STOCK,
    PRICE,
    QUANTITY,
    REGULAR_PRICE,
    SALE_PRICE,
    WEIGHT,
    Columns,
)

_UNIT: Final = re.compile(r"\((.+)\)")
_GRAMS_OF: Final = {"kg": Decimal(1000), "g": Decimal(1), "lbs": Decimal("453.59237"), "oz": Decimal("28.349523125")}
# WooCommerce writes a line feed of a description as `\n`, and a `\n` with one more backslash.
_WRITTEN_LINE_FEED: Final = re.compile(r"\\(\\?)n")
# Commas part what stands in one cell; one that belongs to a name has a backslash before it.
_PARTED: Final = re.compile(r"(?:\\,|[^,])+")


def cell_of(columns: Columns, values: list[str], column: str) -> str:
    """What the line has in Shopify's column, or would have there."""
    cell = columns.cell(values, column)
    if column == BODY and columns.is_woocommerces:
        return _WRITTEN_LINE_FEED.sub(lambda found: "\\n" if found[1] else "\n", cell)
    if cell.strip():
        return cell
    regular, sale = columns.cell(values, REGULAR_PRICE).strip(), columns.cell(values, SALE_PRICE).strip()
    if column == PRICE:
        return sale or regular
    if column == COMPARE_AT:
        return regular if sale else ""
    if column == GRAMS:
        return _grams(columns, columns.cell(values, WEIGHT).strip())
    if column == CATEGORY:
        # Most are there with those above them; the deepest says most.
        return max(parted(columns.cell(values, CATEGORIES)), key=_depth, default="")
    if column == QUANTITY:
        return _nothing_in_stock(columns.cell(values, IN_STOCK).strip())
    return cell


def image_urls(columns: Columns, values: list[str]) -> list[str]:
    """The addresses of the line's pictures."""
    one = columns.cell(values, IMAGE_SRC).strip()
    return ([one] if one else []) + parted(columns.cell(values, IMAGES))


def parted(cell: str) -> list[str]:
    """What stands in a cell, parted by commas."""
    parts = (part.replace("\\,", ",").strip() for part in _PARTED.findall(cell))
    return [part for part in parts if part]


def _depth(path: str) -> int:
    return -1 if path.casefold() in NO_CATEGORY else path.count(">")


def _grams(columns: Columns, weight: str) -> str:
    unit = _UNIT.search(columns.name_of(WEIGHT))
    if not weight or unit is None:
        return ""
    try:
        return str(read_weight(weight, _GRAMS_OF[unit[1].casefold()]))
    except BadCell:
        # Which the reader of weights will say of it.
        return weight


def _nothing_in_stock(cell: str) -> str:
    """A quantity only where the shop says that there is none: how many there are it does not say."""
    try:
        return "0" if cell and not read_flag(cell) else ""
    except BadCell:
        # `backorder`, for example.
        return ""
