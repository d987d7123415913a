"""What each column of a product or a variant says, as the services take it."""

from typing import Any, Final

from inventory.models import MAX_QUANTITY
from pms_integration.files.cells import (
    BadCell,
    checked_by,
    read_amount,
    read_tags,
    read_weight,
    read_whole,
    remembered,
)
from pms_integration.files.columns import (
    BARCODE,
    BODY,
    CATEGORY,
    COMPARE_AT,
    COST,
    CURRENCY,
    GRAMS,
    IMAGE_ALT,
    PRICE,
    SKU,
    TAGS,
    TITLE,
    TYPE,
    VENDOR,
)  # fmt: skip
from pms_integration.files.parsed_products import Draft
from products.fields import ClearableCharField
from products.models import MAX_BARCODE_LENGTH, ProductStatus
from products.serializers import MAX_POSITION, OptionSerializer, ProductInputSerializer, VariantInputSerializer

# What a spreadsheet takes for a number where it is text.
CODES: Final = frozenset({SKU, BARCODE})
# Free text, in which outer spaces may mean something.
AS_THEY_ARE: Final = frozenset({BODY, TYPE, IMAGE_ALT})
_PRODUCT: Final[Any] = ProductInputSerializer().fields
_VARIANT: Final[Any] = VariantInputSerializer().fields
_STATUSES: Final = {
    "active": ProductStatus.ACTIVE,
    "draft": ProductStatus.DRAFT,
    "archived": ProductStatus.ARCHIVED,
    "unlisted": ProductStatus.DRAFT,
}
check_handle = checked_by(_PRODUCT["handle"])
_check_title = checked_by(_PRODUCT["name"])
_check_body = checked_by(_PRODUCT["description"])
_check_vendor = remembered(checked_by(_PRODUCT["brand"]))
_check_tags = checked_by(_PRODUCT["tags"])
check_option_name = remembered(checked_by(OptionSerializer().fields["name"]))
check_option_value = remembered(checked_by(_VARIANT["options"].child))
check_sku = checked_by(_VARIANT["sku"])
_check_currency = remembered(checked_by(_VARIANT["currency"]))
_check_amount = remembered(checked_by(_VARIANT["price"]))
_check_weight = remembered(checked_by(_VARIANT["weight_grams"]))
# Whose check digit is wrong is a warning here (`BlockReader`), not an error as in the API.
_check_barcode = checked_by(ClearableCharField(max_length=MAX_BARCODE_LENGTH))


def read_status_word(cell: str) -> ProductStatus:
    """A status of Shopify's, which knows one more than we."""
    if cell.casefold() not in _STATUSES:
        raise BadCell("invalid_status", f"{cell} is none of {', '.join(_STATUSES)}.")
    return _STATUSES[cell.casefold()]


def _set_title(draft: Draft, cell: str) -> None:
    draft.values["name"] = _check_title(cell)


def _set_body(draft: Draft, cell: str) -> None:
    draft.values["description"] = _check_body(cell)


def _set_vendor(draft: Draft, cell: str) -> None:
    draft.values["brand"] = _check_vendor(cell)


def _set_tags(draft: Draft, cell: str) -> None:
    draft.values["tags"] = _check_tags(read_tags(cell))


def _set_type(draft: Draft, cell: str) -> None:
    draft.product_type = cell


def _set_category(draft: Draft, cell: str) -> None:
    draft.category = cell


def _read_price(cell: str) -> Any:
    return _check_amount(read_amount(cell)) if cell else None


def _read_grams(cell: str) -> int | None:
    return _check_weight(read_weight(cell)) if cell else None


def _read_barcode(cell: str) -> str:
    return _check_barcode(cell) if cell else ""


def read_quantity(cell: str) -> int:
    """A quantity, which may be below zero."""
    quantity = read_whole(cell)
    if quantity > MAX_QUANTITY:
        raise BadCell("invalid_quantity", f"{quantity} is more than {MAX_QUANTITY}.")
    return quantity


def read_position(cell: str) -> int:
    """The place of a picture."""
    position = read_whole(cell)
    if not 0 <= position <= MAX_POSITION:
        raise BadCell("invalid_position", f"{position} is not between 0 and {MAX_POSITION}.")
    return position


PRODUCT_CELLS: Final = {
    TITLE: _set_title, BODY: _set_body, VENDOR: _set_vendor, TAGS: _set_tags, TYPE: _set_type, CATEGORY: _set_category,
}  # fmt: skip
VARIANT_CELLS: Final = (
    (PRICE, "price", _read_price),
    (COMPARE_AT, "compare_at_price", _read_price),
    (COST, "cost", _read_price),
    (CURRENCY, "currency", _check_currency),
    (GRAMS, "weight_grams", _read_grams),
    (BARCODE, "barcode", _read_barcode),
)
