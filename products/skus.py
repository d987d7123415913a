"""What a SKU is, and when two are the same one."""

import re
import unicodedata
from typing import Final

from products.exceptions import InvalidSku

MAX_SKU_LENGTH: Final = 255
# In bytes: an index of PostgreSQL takes 2,704. Few characters are longer in their key than as they are written, but one
# ligature stands for eighteen.
MAX_SKU_KEY_LENGTH: Final = 2_600

# Unicode's Default_Ignorable_Code_Point: what is not seen, such as zero-width spaces and soft hyphens.
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)


def clean_sku(text: str) -> str:
    """The SKU as it is kept and shown: NFC, without outer spaces. Raises `InvalidSku`."""
    is_plain = text.isascii() and text.isprintable()
    sku = text.strip() if is_plain else unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(sku) <= MAX_SKU_LENGTH:
        raise InvalidSku(f"A SKU has 1 to {MAX_SKU_LENGTH} characters.")
    if not is_plain:
        _check_characters(sku)
    return sku


def _check_characters(sku: str) -> None:
    if not sku.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in sku):
        raise InvalidSku("A SKU holds no control characters.")
    key = sku_key(sku)
    if not key:
        raise InvalidSku("A SKU has a character that can be seen.")
    if len(key.encode()) > MAX_SKU_KEY_LENGTH:
        raise InvalidSku(f"With its ligatures spelt out a SKU has at most {MAX_SKU_KEY_LENGTH} bytes.")


def sku_key(text: str) -> str:
    """What two SKUs have in common that differ only in case, in Unicode form, in outer spaces or in what is not seen.

    It is Unicode's compatibility caseless match (definition D146), less the characters that are not seen.
    """
    if text.isascii():
        return text.strip().lower()
    folded = unicodedata.normalize("NFD", text).casefold()
    folded = without_unseen(unicodedata.normalize("NFKC", folded).casefold())
    return unicodedata.normalize("NFKC", folded).strip()


def without_unseen(text: str) -> str:
    """The text without characters that nobody sees."""
    return _UNSEEN.sub("", text)


def as_sku_key(text: str) -> str | None:
    """The key of what a caller looks for; nothing where no SKU could be meant."""
    try:
        return sku_key(clean_sku(text))
    except InvalidSku:
        return None
