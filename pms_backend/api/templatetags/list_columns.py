"""The columns of the admin's lists by what they show."""

import re
from typing import Any, Final

from django import template
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_FIELD: Final = re.compile(r'class="field-([^ "]+)')
_COLUMN: Final = re.compile(r"\bcolumn-(\S+)")
_EMPTY: Final = re.compile(r">\s*-\s*(</span>)?\s*</t[dh]>$|^<t[dh]\b[^>]*>\s*</t[dh]>$")


@register.simple_tag(takes_context=True)
def classify_columns(context: Any) -> str:
    """Adds the classes of `column_kinds` to the headers and cells that Unfold is about to show."""
    # A list of no model of ours says no kinds.
    kinds: dict[str, str] = getattr(context["cl"].model_admin, "column_kinds", {})
    for header in context["result_headers"]:
        if found := _COLUMN.search(header["class_attrib"]):
            header["class_attrib"] += " " + kinds.get(found[1], "")
    for row in context["results"]:
        row[:] = [_classified(cell, kinds) for cell in row]
    return ""


def _classified(cell: str, kinds: dict[str, str]) -> SafeString:
    found = _FIELD.search(cell)
    if found is None:
        return mark_safe(cell)  # noqa: S308 - Unfold's, as it was
    classes = f"{kinds.get(found[1], '')} {'cell-empty' if _EMPTY.search(cell) else ''}"
    classified = f"{cell[: found.end()]} {classes}{cell[found.end() :]}"
    if "cell-name" in classes:
        # A phone cuts off a long name.
        classified = classified.replace(" data-label=", f' title="{" ".join(strip_tags(cell).split())}" data-label=', 1)
    return mark_safe(classified)  # noqa: S308 - Unfold's, and classes of ours
