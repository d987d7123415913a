"""Full-text search: the documents of products and the queries of searches.

Python makes the lexemes, as the configuration `simple` would (no stemming, no stop words). PostgreSQL's parser reads
`A-100/B` as a path and `-100` as a number, and does not remove accents. So a search finds the same on every server,
whatever its locale and extensions.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from products.skus import without_invisible

MAX_SEARCH_LENGTH: Final = 255
# Longer lexemes are cut in documents and queries; PostgreSQL stores at most 2,046 bytes.
MAX_LEXEME_LENGTH: Final = 255
# Later words of a product are not found; PostgreSQL stores at most 1 MiB.
MAX_DOCUMENT_BYTES: Final = 256 * 1024
# The limit of PostgreSQL; all later words have this position.
MAX_POSITION: Final = 16_383
# The prefix of a whole SKU, so that an exact match of `A-1` ranks before `A-10`.
EXACT_PREFIX: Final = "="

_WORD: Final = re.compile(r"[^\W_]+")
# A match ends before the next "<", so that the search takes linear time.
_TAG: Final = re.compile(r"</?[a-zA-Z!][^<>]*>")


def document_of(*, name: str, skus: Iterable[str], brand: str, tags: Iterable[str], description: str) -> str:
    """The document of a product, as text of a tsvector.

    Name and SKUs (A) weigh more than brand and tags (B), and these more than the description (D). A SKU is found as a
    whole and by its parts; HTML tags are ignored.
    """
    weighted = chain(
        _weighted("A", _words(name)),
        _weighted("A", chain.from_iterable(_lexemes_of_sku(sku) for sku in skus)),
        _weighted("B", _words(brand)),
        _weighted("B", chain.from_iterable(_words(tag) for tag in tags)),
        _weighted("D", _words(html.unescape(_TAG.sub(" ", description)))),
    )
    positions: dict[str, str] = {}
    remaining_bytes = MAX_DOCUMENT_BYTES
    for position, (weight, lexeme) in enumerate(weighted, start=1):
        if lexeme in positions:
            continue
        remaining_bytes -= len(lexeme.encode())
        if remaining_bytes < 0:
            break
        positions[lexeme] = f"{min(position, MAX_POSITION)}{weight}"
    return " ".join(f"{_quoted(lexeme)}:{position}" for lexeme, position in positions.items())


def query_of(text: str) -> str | None:
    """The query of a search, as text of a tsquery: every word as a prefix, or the whole text as a SKU.

    None if the text has no letters or digits.
    """
    whole = _fold(text.strip())
    terms = [_term(word) for word in whole.split() if _WORD.search(word)]
    alternatives = [" & ".join(terms)] if terms else []
    if whole and len(terms) != 1:
        alternatives.append(_as_sku(whole))
    return " | ".join(f"({alternative})" for alternative in alternatives) or None


def _term(word: str) -> str:
    parts = " & ".join(f"{_quoted(part)}:*" for part in _WORD.findall(word))
    return f"({_as_sku(word)} | ({parts}))"


def _as_sku(text: str) -> str:
    return f"{_quoted(EXACT_PREFIX + text)} | {_quoted(text)}:*"


def _lexemes_of_sku(sku: str) -> Iterator[str]:
    whole = _fold(sku.strip())
    yield EXACT_PREFIX + whole
    yield whole
    yield from _WORD.findall(whole)


def _words(text: str) -> Iterator[str]:
    return (found[0] for found in _WORD.finditer(_fold(text)))


def _weighted(weight: str, lexemes: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((weight, lexeme[:MAX_LEXEME_LENGTH]) for lexeme in lexemes)


def _fold(text: str) -> str:
    """The text without case, accents and compatibility variants: `Café` becomes `cafe`."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", without_invisible(text)).casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _quoted(lexeme: str) -> str:
    # In tsvector and tsquery, quotes and backslashes are doubled; all other characters stay.
    return "'" + lexeme[:MAX_LEXEME_LENGTH].replace("\\", "\\\\").replace("'", "''") + "'"
