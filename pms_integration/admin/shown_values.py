"""Values of products as people read them: texts with what differs marked, lists and objects as lines, images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.history_words import label_in_words
from pms_integration.services.product_fields import split
from products.images.names import url_of

# Of a text around what differs, and of what differs itself.
MAX_CONTEXT: Final = 200
MAX_CHARACTERS: Final = 3_000
# Of a list or an object.
MAX_LINES: Final = 100

_BETWEEN_WORDS: Final = frozenset(" \n\r\t<>")
_MARK: Final = (
    '<mark class="bg-orange-100 text-orange-700 dark:bg-orange-500/20 dark:text-orange-400 rounded-sm">{}</mark>'
)
_BLOCK: Final = '<div style="white-space: pre-wrap; overflow-wrap: anywhere">{}</div>'
_FAINT: Final = '<span class="text-font-subtle-light dark:text-font-subtle-dark">{}</span>'
# Of `FIELD_GROUPS`.
GROUP_TITLES: Final[dict[str, Any]] = {
    "content": gettext_lazy("Content"),
    "price": gettext_lazy("Price"),
    "publication": gettext_lazy("Publication"),
}


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """The addresses of the thumbnails that we have, by the URLs or file names of their images."""

    addresses: Mapping[str, str]


def label_of(field: str) -> str:
    """A field's name, such as "A-1: Compare-at price"."""
    of_variant = split(field)
    sku, name = of_variant or ("", field)
    label = label_in_words(name)
    return f"{sku}: {label}" if sku else label


def shown_value(value: Any, other: Any, *, thumbnails: Thumbnails | None = None) -> SafeString:
    """The value, with what differs from `other` marked; nothing is marked if they are the same."""
    if value is None:
        return format_html(_FAINT, _("not set"))
    if value in ("", [], {}):
        return format_html(_FAINT, _("empty"))
    if thumbnails is not None:
        return _images(value, other or [], thumbnails)
    if isinstance(value, str) and isinstance(other, str | None):
        return _marked_text(value, other or "")
    lines, others = lines_of(value), set(lines_of(other))
    more = len(lines) - MAX_LINES
    shown = [format_html(_MARK if line not in others else "{}", line) for line in lines[:MAX_LINES]]
    if more > 0:
        shown.append(format_html(_FAINT, _("and %(count)s more") % {"count": number_format(more)}))
    return format_html_join("", _BLOCK, ((line,) for line in shown))


def lines_of(value: Any) -> list[str]:
    """The members of a list or an object, a line for each."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [f"{name}: {_in_one_line(member)}" for name, member in value.items()]
    if isinstance(value, list):
        return [_in_one_line(member) for member in value]
    return [_in_one_line(value)]


def _in_one_line(value: Any) -> str:
    if isinstance(value, Mapping):
        # An option of a product.
        if set(value) == {"name", "values"}:
            return f"{value['name']}: {_in_one_line(value['values'])}"
        return ", ".join(f"{name}: {_in_one_line(member)}" for name, member in value.items())
    if isinstance(value, list):
        return ", ".join(map(_in_one_line, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _("not set") if value is None else str(value)


def _marked_text(text: str, other: str) -> SafeString:
    if text == other:
        return format_html(_BLOCK, _end_shortened(text))
    start = _common_length(text, other)
    left, right = text[start:], other[start:]
    end = len(text) - _common_length(left[::-1], right[::-1])
    # Whole words: half of a price says nothing.
    while start and text[start - 1] not in _BETWEEN_WORDS:
        start -= 1
    while end < len(text) and text[end] not in _BETWEEN_WORDS:
        end += 1
    before, changed, after = text[:start], text[start:end], text[end:]
    if len(before) > MAX_CONTEXT:
        before = f"…{before[-MAX_CONTEXT:]}"
    parts = format_html("{}{}{}", before, format_html(_MARK, _end_shortened(changed)), after[:MAX_CONTEXT])
    return format_html(_BLOCK, format_html("{}{}", parts, "…" if len(after) > MAX_CONTEXT else ""))


def _common_length(one: str, other: str) -> int:
    """The number of characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _end_shortened(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def _images(images: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], known: Thumbnails) -> SafeString:
    known_elsewhere = [(image["url"], image["alt"] or "") for image in others]
    rows = []
    for image in images[:MAX_LINES]:
        url, alt = image["url"], image["alt"] or ""
        address = url if "://" in url else url_of(url)
        picture: SafeString | str = ""
        if thumbnail := known.addresses.get(url):
            picture = format_html('<img src="{}" alt="" style="height: 48px" class="rounded-sm">', thumbnail)
        text = format_html(_MARK if (url, alt) not in known_elsewhere else "{}", address)
        rows.append((picture, text, alt))
    row = (
        '<div class="flex flex-row gap-3 items-start" style="margin-bottom: 4px">{}'
        '<div style="overflow-wrap: anywhere">{}<div class="text-xs">{}</div></div></div>'
    )
    return format_html_join("", row, rows)
