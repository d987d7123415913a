"""Handles: the names of products in URLs."""

import re
import secrets
import unicodedata
from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext as _

from products.exceptions import InvalidHandle
from products.models import MAX_NAME_LENGTH, Product
from products.skus import without_invisible

ROOM_FOR_SUFFIX: Final = 8
# A handle has letters, marks and digits of any language, `_` and `-`; a run of other characters becomes one hyphen.
HYPHEN: Final = "-"
# Apostrophes within a word, as in "d'été", are left out of a handle that is made of a name.
_APOSTROPHES: Final = re.compile("['\u2019\u02bc]")
_PLAIN: Final = re.compile(r"[a-z0-9_-]+")


def clean_handle(text: str) -> str:
    """The handle as it is stored: NFC, lower case, `-` for spaces and other signs; empty if there are only signs.

    Handles that differ only in these, or in invisible characters, are equal.
    """
    if _PLAIN.fullmatch(text):
        return text
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", without_invisible(text)).lower())
    handle: list[str] = []
    signs = ""
    for character in lower:
        if unicodedata.category(character) == "Cf":
            continue
        if _is_word_character(character):
            handle += (_inner(signs) if handle else _outer(signs), character)
            signs = ""
        else:
            signs += character
    return unicodedata.normalize("NFC", "".join(handle)) + _outer(signs) if handle else ""


def handle_of_name(name: str) -> str:
    """A handle made of a product's name; empty if the name has no letters."""
    return clean_handle(_APOSTROPHES.sub("", name)).strip(HYPHEN)


def require_handle(text: str) -> str:
    """The handle as it is stored. Raises `InvalidHandle`."""
    handle = clean_handle(text)
    if not 1 <= len(handle) <= MAX_NAME_LENGTH:
        raise InvalidHandle(
            _("A handle has 1 to %(max)s letters, digits, marks and hyphens.") % {"max": MAX_NAME_LENGTH}
        )
    return handle


def free_handles(wanted: Sequence[tuple[str, str]]) -> list[str]:
    """A handle for each (handle, name): the handle if it is not empty, else an unused one made of the name."""
    made = [handle or handle_of_name(name)[: MAX_NAME_LENGTH - ROOM_FOR_SUFFIX] for handle, name in wanted]
    taken = {handle for handle, _name in wanted if handle}
    taken |= set(Product.objects.filter(handle__in=made).values_list("handle", flat=True))
    handles = []
    for (given, _name), handle in zip(wanted, made, strict=True):
        free = handle
        while not given and (not free or free in taken):
            free = f"{handle or 'product'}-{secrets.token_hex(3)}"
        taken.add(free)
        handles.append(free)
    return handles


def _is_word_character(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LMN"


def _inner(signs: str) -> str:
    """Hyphens stay; any other sign makes the run one hyphen."""
    return signs if set(signs) <= {HYPHEN} else HYPHEN


def _outer(signs: str) -> str:
    """At the start and the end only hyphens stay."""
    return signs if set(signs) == {HYPHEN} else ""
