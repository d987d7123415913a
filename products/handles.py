"""Handles: what a product is called in a URL."""

import re
import unicodedata
from typing import Final

from products.skus import without_unseen

# Only letters, marks and digits of any language, `_` and `-`: what a run of other signs becomes.
HYPHEN: Final = "-"
# What is written within a word, as in "d'été"; a handle made of a name goes without it.
_APOSTROPHES: Final = re.compile("['\u2019\u02bc]")
_PLAIN: Final = re.compile(r"[a-z0-9_-]+")


def clean_handle(text: str) -> str:
    """The handle as it is kept: NFC, lower case, `-` for spaces and other signs; nothing where there are only signs.

    Two handles that differ in nothing else are one. Invisible characters say nothing.
    """
    if _PLAIN.fullmatch(text):
        return text
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", without_unseen(text)).lower())
    handle: list[str] = []
    signs = ""
    for character in lower:
        if unicodedata.category(character) == "Cf":
            continue
        if _is_of_a_word(character):
            handle += (_between(signs) if handle else _before(signs), character)
            signs = ""
        else:
            signs += character
    return unicodedata.normalize("NFC", "".join(handle)) + _before(signs) if handle else ""


def handle_of_name(name: str) -> str:
    """A handle made of a product's name; nothing where the name has no letters."""
    return clean_handle(_APOSTROPHES.sub("", name)).strip(HYPHEN)


def _is_of_a_word(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LMN"


def _between(signs: str) -> str:
    """Hyphens stay as they are; with any other sign among them they become one."""
    return signs if set(signs) <= {HYPHEN} else HYPHEN


def _before(signs: str) -> str:
    """At an end only hyphens stay."""
    return signs if set(signs) == {HYPHEN} else ""
