"""Labels to print: the barcode that a code gets, its bars, and the sizes of labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from barcode.codex import Code128
from barcode.ean import EuropeanArticleNumber8, EuropeanArticleNumber13
from barcode.upc import UniversalProductCodeA
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from products.barcodes import check_barcode
from products.exceptions import InvalidBarcode
from products.models import Variant

# Of one page, all copies counted.
MAX_LABELS: Final = 500
MAX_COPIES: Final = 100
# The widths of the narrowest bar, the widest that fits first: three dots and two of a label printer with 203 dpi, whose
# bars are uneven otherwise. GS1 allows 0.264 to 0.66 mm in shops; below the least width scanners have difficulties.
BARS_MM: Final = (0.375, 0.25)
MIN_BAR_MM: Final = 0.19
# White bars on each side, without which a scanner does not find the beginning and the end.
QUIET_BARS: Final = 11

# By the number of digits. A GTIN-14 is on cases only, and no barcode of a checkout.
_GTINS: Final = {
    8: ("EAN-8", EuropeanArticleNumber8),
    12: ("UPC-A", UniversalProductCodeA),
    13: ("EAN-13", EuropeanArticleNumber13),
}


@dataclass(frozen=True, slots=True)
class LabelSize:
    """A kind of label: how wide its bars may be in all, and how many labels are on a page."""

    name: str
    title: str | Promise
    bars_mm: float
    per_page: int

    @property
    def stylesheet(self) -> str:
        """The static file with the sizes of the page and the label."""
        return f"products/labels_{self.name}.css"


SIZES: Final = {
    size.name: size
    for size in (
        LabelSize("roll_62x29", gettext_lazy("Roll, 62 × 29 mm"), 58, 1),  # noqa: RUF001 - the sign of sizes
        LabelSize("a4_3x8", gettext_lazy("A4 sheet, 3 × 8 labels of 70 × 37 mm"), 64, 24),  # noqa: RUF001
    )
}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A barcode: its kind, the code that it holds, and its narrowest bars, black ones as `1`."""

    kind: str
    code: str
    bars: str

    @property
    def width(self) -> int:
        """In narrowest bars, with the white on both sides."""
        return len(self.bars) + 2 * QUIET_BARS

    @property
    def path(self) -> str:
        """The black bars as an SVG path, one unit high."""
        parts, at = [], QUIET_BARS
        for bar, group in groupby(self.bars):
            width = len(list(group))
            if bar == "1":
                parts.append(f"M{at} 0h{width}v1h-{width}z")
            at += width
        return "".join(parts)

    def millimetres(self, size: LabelSize) -> float:
        """How wide it is printed; 0 where its bars would be too narrow to be read."""
        widest = size.bars_mm / self.width
        bar = next((one for one in BARS_MM if one <= widest), widest)
        return round(bar * self.width, 2) if bar >= MIN_BAR_MM else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What one label says. `code` is read by people; the barcode holds it, or the GTIN."""

    title: str
    code: str
    detail: str = ""
    place: str = ""
    symbol: Symbol | None = None
    is_location: bool = False


def label_of_variant(variant: Variant, *, place: str = "") -> Label:
    """The label of a SKU, with the barcode of its GTIN or else of its SKU."""
    symbol = gtin_symbol(variant.barcode) or code_symbol(variant.sku)
    return Label(title=variant.product.name, detail=variant.name, code=variant.sku, place=place, symbol=symbol)


def gtin_symbol(barcode: str) -> Symbol | None:
    """The barcode of a GTIN-8, -12 or -13; None for any other text."""
    if not (barcode.isascii() and barcode.isdigit() and len(barcode) in _GTINS):
        return None
    try:
        check_barcode(barcode)
    except InvalidBarcode:
        return None
    kind, symbology = _GTINS[len(barcode)]
    return Symbol(kind, barcode, symbology(barcode).build()[0])


def code_symbol(code: str) -> Symbol | None:
    """The Code 128 of printable ASCII characters; None for a code with others, which it cannot hold."""
    if not (code and code.isascii() and code.isprintable()):
        return None
    return Symbol("Code 128", code, Code128(code).build()[0])


def why_no_bars(label: Label) -> str:
    """What a label says in place of a barcode that it cannot have."""
    if label.symbol is None:
        return _("No barcode: it can hold letters from A to Z, digits and common signs only.")
    return _("No barcode: the code is too long for a label of this size.")


def on_pages(labels: Sequence[Label], size: LabelSize, *, copies: int) -> list[list[Label]]:
    """The labels in the order of printing, the copies of each together, by pages."""
    each = [label for label in labels for _copy in range(copies)]
    return [each[start : start + size.per_page] for start in range(0, len(each), size.per_page)]
