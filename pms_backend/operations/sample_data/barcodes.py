"""Barcodes for use within a company: GTIN-13 with a prefix from 200 to 299, which GS1 gives to nobody."""


def internal_barcode(number: int) -> str:
    """The barcode of our article `number`, prefix 200."""
    digits = f"200{number:09}"
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    """GS1's: digits weigh 3 and 1 in turn from the right, and the sum with it is a multiple of ten."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)
