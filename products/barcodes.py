"""Barcodes: free text, except that the check digit of a GTIN is verified."""

from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from products.exceptions import InvalidBarcode

GTIN_LENGTHS: Final = frozenset({8, 12, 13, 14})


def check_barcode(barcode: str) -> None:
    """Raises `InvalidBarcode` for 8, 12, 13 or 14 digits with a wrong check digit (GS1 General Specifications 7.9).

    Such a barcode is a mistyped GTIN.
    """
    if len(barcode) not in GTIN_LENGTHS or not (barcode.isascii() and barcode.isdigit()):
        return
    digits = [int(digit) for digit in barcode]
    total = sum(digit * (3 if index % 2 else 1) for index, digit in enumerate(reversed(digits)))
    if total % 10:
        raise InvalidBarcode(
            _("%(barcode)s has the length of a GTIN, but its last digit does not fit the others.")
            % {"barcode": barcode}
        )


def validate_barcode(barcode: str) -> None:
    """A validator for Django's forms that does the same."""
    try:
        check_barcode(barcode)
    except InvalidBarcode as error:
        raise ValidationError(error.detail, code=error.code) from None
