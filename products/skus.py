"""What a SKU is, and when two are the same one."""

import unicodedata

from products.exceptions import InvalidSku

MAX_SKU_LENGTH = 100
# Upper case can be longer than what it is made of (ß, ŉ, ligatures): three characters for one at most.
MAX_SKU_KEY_LENGTH = 3 * MAX_SKU_LENGTH


def clean_sku(text: str) -> str:
    """The SKU as it is kept and shown: NFC, without outer spaces. Raises `InvalidSku`."""
    sku = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(sku) <= MAX_SKU_LENGTH:
        raise InvalidSku(f"A SKU has 1 to {MAX_SKU_LENGTH} characters.")
    if not sku.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in sku):
        raise InvalidSku("A SKU holds no control characters.")
    return sku


def sku_key(text: str) -> str:
    """What two SKUs have in common that differ only in case, in Unicode form or in outer spaces."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().upper())


def as_sku_key(text: str) -> str | None:
    """The key of what a caller looks for; nothing where no SKU could be meant."""
    try:
        return sku_key(clean_sku(text))
    except InvalidSku:
        return None
