"""Full text: what a product is found by, and what a search asks for.

The lexemes are made here, as those of the configuration `simple` would be (no stemming, no stop words), and not by
PostgreSQL's parser, which takes `A-100/B` for a path and `-100` for a number and keeps accents. So a search means the
same on every server, whatever its locale and its extensions.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from products.skus import without_unseen

MAX_SEARCH_LENGTH: Final = 255
# Longer ones are cut, on both sides; PostgreSQL takes 2,046 bytes.
MAX_LEXEME_LENGTH: Final = 255
# What comes later in a product is not found; PostgreSQL takes 1 MiB.
MAX_DOCUMENT_BYTES: Final = 256 * 1024
# PostgreSQL's: words behind it share it.
MAX_POSITION: Final = 16_383
# Before a SKU as a whole, so that `A-1` ranks before `A-10`, of which it is a prefix.
EXACTLY: Final = "="

_WORD: Final = re.compile(r"[^\W_]+")
# Each looks no further than the next "<", so that many of them cost no more than their length.
_TAG: Final = re.compile(r"</?[a-zA-Z!][^<>]*>")


def document_of(*, name: str, skus: Iterable[str], brand: str, tags: Iterable[str], description: str) -> str:
    """What a product is found by, as PostgreSQL reads a tsvector.

    It weighs name and SKUs (A) more than brand and tags (B), and these more than the description (D). A SKU is found
    whole and by its parts; tags of HTML are no words.
    """
    weighed = chain(
        _weighed("A", _words(name)),
        _weighed("A", chain.from_iterable(_lexemes_of_sku(sku) for sku in skus)),
        _weighed("B", _words(brand)),
        _weighed("B", chain.from_iterable(_words(tag) for tag in tags)),
        _weighed("D", _words(html.unescape(_TAG.sub(" ", description)))),
    )
    first: dict[str, str] = {}
    room = MAX_DOCUMENT_BYTES
    for position, (weight, lexeme) in enumerate(weighed, start=1):
        if lexeme in first:
            continue
        room -= len(lexeme.encode())
        if room < 0:
            break
        first[lexeme] = f"{min(position, MAX_POSITION)}{weight}"
    return " ".join(f"{_quoted(lexeme)}:{place}" for lexeme, place in first.items())


def query_of(text: str) -> str | None:
    """What a search asks for, as PostgreSQL reads a tsquery: every word, each as a prefix; or all of it as a SKU.

    Nothing where the text has nothing to look for.
    """
    whole = _folded(text.strip())
    terms = [_term(word) for word in whole.split() if _WORD.search(word)]
    alternatives = [" & ".join(terms)] if terms else []
    if whole and len(terms) != 1:
        alternatives.append(_as_sku(whole))
    return " | ".join(f"({alternative})" for alternative in alternatives) or None


def _term(word: str) -> str:
    parts = " & ".join(f"{_quoted(part)}:*" for part in _WORD.findall(word))
    return f"({_as_sku(word)} | ({parts}))"


def _as_sku(text: str) -> str:
    return f"{_quoted(EXACTLY + text)} | {_quoted(text)}:*"


def _lexemes_of_sku(sku: str) -> Iterator[str]:
    whole = _folded(sku.strip())
    yield EXACTLY + whole
    yield whole
    yield from _WORD.findall(whole)


def _words(text: str) -> Iterator[str]:
    return (found[0] for found in _WORD.finditer(_folded(text)))


def _weighed(weight: str, lexemes: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((weight, lexeme[:MAX_LEXEME_LENGTH]) for lexeme in lexemes)


def _folded(text: str) -> str:
    """Without case, accents and the variants of one character: `Café` is `cafe`."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", without_unseen(text)).casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _quoted(lexeme: str) -> str:
    # Both read a quote and a backslash only in pairs; everything else stands for itself.
    return "'" + lexeme[:MAX_LEXEME_LENGTH].replace("\\", "\\\\").replace("'", "''") + "'"
