"""Sanitises descriptions, which are HTML from other shops and from a PMS."""

import re
from typing import Final

import nh3

# No scripts, styles, frames or forms, and only pictures may load.
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
# Whatever a browser could parse as markup; other text stays as it is, including & and 3 < 4.
_MARKUP: Final = re.compile(r"<[A-Za-z/!?]")
# Once elements are removed, the rest may parse differently.
MAX_PASSES: Final = 4
_LINE_FEED_IN_PRE: Final = re.compile(r"(<pre(?: [^>]*)?>)\n")


def sanitized(text: str) -> str:
    """The text without harmful markup. Text that is clean already stays identical."""
    if not _MARKUP.search(text):
        return text
    for _ in range(MAX_PASSES):
        before, text = text, _clean_once(text)
        if text == before:
            break
    return text


def _clean_once(text: str) -> str:
    clean = nh3.clean(
        text,
        tags=set(ALLOWED_TAGS),
        attributes=ALLOWED_ATTRIBUTES,
        url_schemes=set(ALLOWED_SCHEMES),
        strip_comments=True,
    )
    # A parser ignores a line feed directly after <pre>, and reads a carriage return as one.
    return _LINE_FEED_IN_PRE.sub(r"\1\n\n", clean.replace("\r", "\n"))
