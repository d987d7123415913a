"""Descriptions: HTML of other shops and of a PMS, of which only what is harmless is kept."""

import re
from typing import Final

import nh3

# What descriptions are made of. No scripts, styles, frames, forms, and nothing that loads but pictures.
ALLOWED_TAGS: Final = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt"}
    | {"em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark"}
    | {"ol", "p", "pre", "q", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th"}
    | {"thead", "tr", "u", "ul"}
)
ALLOWED_ATTRIBUTES: Final = {
    "*": {"title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
}
ALLOWED_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
# Whatever a browser could take for markup; other text stays as it is, with its & and its 3 < 4.
_MARKUP: Final = re.compile(r"<[A-Za-z/!?]")
# Behind elements that are taken out, what is left may be read in another way.
MAX_PASSES: Final = 4
_LINE_FEED_IN_PRE: Final = re.compile(r"(<pre(?: [^>]*)?>)\n")


def sanitized(text: str) -> str:
    """The text without what could do harm in a page. What is clean already stays as it is, to the letter."""
    if not _MARKUP.search(text):
        return text
    for _ in range(MAX_PASSES):
        before, text = text, _without_harm(text)
        if text == before:
            break
    return text


def _without_harm(text: str) -> str:
    clean = nh3.clean(
        text,
        tags=set(ALLOWED_TAGS),
        attributes=ALLOWED_ATTRIBUTES,
        url_schemes=set(ALLOWED_SCHEMES),
        strip_comments=True,
    )
    # A parser passes over a line feed behind <pre>, and takes a carriage return for one.
    return _LINE_FEED_IN_PRE.sub(r"\1\n\n", clean.replace("\r", "\n"))
