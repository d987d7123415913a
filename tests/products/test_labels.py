"""Labels hold the code that a scanner is to read, or say why they hold none."""

import re

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from products.labels import QUIET_BARS, SIZES, Label, LabelSize, Symbol, code_symbol, gtin_symbol, on_pages, why_no_bars

BAR = re.compile(r"M(\d+) 0h(\d+)v1h-(\d+)z")
ROLL = SIZES["roll_62x29"]


def scan(symbol: Symbol) -> tuple[str, str]:
    """What a scanner reads from the printed bars: the kind and the code."""
    image = Image.new("L", (symbol.width * 3, 90), "white")
    bars = BAR.findall(symbol.path)
    assert BAR.sub("", symbol.path) == ""
    for start, width, back in bars:
        assert width == back
        left = int(start) * 3
        ImageDraw.Draw(image).rectangle((left, 0, left + int(width) * 3 - 1, 89), fill="black")
    (found,) = zxingcpp.read_barcodes(image)
    return str(found.format).replace(" ", "").replace("-", ""), found.text


@pytest.mark.parametrize("barcode", ["4006381333931", "9780306406157", "96385074", "00000017"])
def test_a_gtin_is_read_as_it_is(barcode: str):
    symbol = gtin_symbol(barcode)

    assert symbol is not None
    kind, text = scan(symbol)
    assert (kind, text) == (symbol.kind.replace("-", ""), barcode)


def test_a_upc_is_the_ean_that_begins_with_a_zero():
    symbol = gtin_symbol("036000291452")

    assert symbol is not None
    assert (symbol.kind, *scan(symbol)) == ("UPC-A", "EAN13", "0036000291452")


@pytest.mark.parametrize("barcode", ["", "4006381333932", "123", "10614141000415", "400638133393١", "A-1"])
def test_what_is_no_gtin_of_a_checkout_gets_no_gtin_barcode(barcode: str):
    assert gtin_symbol(barcode) is None


@pytest.mark.parametrize(
    "code",
    [
        "A-1",
        "a b/c",
        "0123",
        "12345",
        "1234567",
        "A1234B",
        "AB12345678C9",
        "x~{|}",
        "12 34",
        "!\"#$%&'()*",
        "7",
        "Aa1111",
    ],
)
def test_a_sku_is_read_as_it_is(code: str):
    symbol = code_symbol(code)

    assert symbol is not None
    assert scan(symbol) == ("Code128", code)


@pytest.mark.parametrize("code", ["Größe", "ñ", "靴", "a\tb", ""])
def test_what_code_128_cannot_hold_gets_no_barcode_but_words(code: str):
    assert code_symbol(code) is None
    assert why_no_bars(Label(title="Shoe", code=code)).startswith("No barcode: it can hold letters from A to Z")


@pytest.mark.parametrize(
    ("code", "bar_mm"), [("A" * 8, 0.375), ("A" * 14, 0.25), ("A" * 19, ROLL.bars_mm / (24 * 11 + 2)), ("A" * 25, 0)]
)
def test_bars_are_as_wide_as_the_label_allows_but_never_too_narrow(code: str, bar_mm: float):
    symbol = code_symbol(code)

    assert symbol is not None
    assert symbol.width == 11 * (len(code) + 3) + 2 + 2 * QUIET_BARS
    assert symbol.millimetres(ROLL) == round(symbol.width * bar_mm, 2)


def test_a_code_that_is_too_long_says_so():
    assert "too long" in why_no_bars(Label(title="Lamp", code="A" * 25, symbol=code_symbol("A" * 25)))


def test_copies_follow_each_other_and_fill_pages():
    labels = [Label(title="Lamp", code=code) for code in ("A", "B")]
    size = LabelSize("three", "Three", 50, 3)

    pages = on_pages(labels, size, copies=2)

    assert [[label.code for label in page] for page in pages] == [["A", "A", "B"], ["B"]]
