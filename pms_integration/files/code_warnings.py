"""What is to be said of handles, SKUs and barcodes that a file has otherwise than they should be."""

from collections.abc import Iterator

from pms_integration.files.cells import is_rounded_by_excel
from products.barcodes import check_barcode
from products.exceptions import InvalidBarcode


def changed_handle(handle: str) -> tuple[str, str]:
    """The code and the words of a warning: the handle was written in another way."""
    return "handle_changed", f"The handle is kept as {handle}: in lower case, with hyphens for spaces and other signs."


def warnings_of_codes(sku: str, barcode: str) -> Iterator[tuple[str, str]]:
    """Codes and words of warnings: numbers that a spreadsheet has spoilt, a check digit that is wrong."""
    for name, code in (("SKU", sku), ("barcode", barcode)):
        if is_rounded_by_excel(code):
            detail = f"The {name} {code} looks like a number that Excel has rounded; format that column as text."
            yield "rounded_by_excel", detail
    try:
        check_barcode(barcode)
    except InvalidBarcode as error:
        yield error.code, error.detail
