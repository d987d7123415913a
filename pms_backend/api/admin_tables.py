"""Tables on pages of the admin: `service_admin/table.html` shows one, `service_admin/tables.html` a list of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

TABLES: Final = "service_admin/tables.html"


# The CSS classes of a column's cells: texts, texts in one line, the name of the row, numbers, those to look at first,
# fields for a number.
TEXT: Final = ""
SHORT: Final = "whitespace-nowrap"
KEY: Final = "text-important whitespace-nowrap"
NUMBER: Final = "text-right"
MAIN_NUMBER: Final = "text-right text-important"
FIELD: Final = "text-right w-48"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with these columns (the CSS classes by title), or the text `empty` if it has no rows.

    A row has a cell for each column: a text, a number, None for a dash, or a field of a form with its errors.
    """

    columns: Mapping[str, str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    empty: str = ""
    note: str = ""

    def cells(self) -> Iterator[list[tuple[str, Any, Any]]]:
        """The cells of each row, with the classes of their columns and the errors of fields."""
        for row in self.rows:
            cells = zip(self.columns.values(), row, strict=True)
            yield [(classes, cell, getattr(cell, "errors", None)) for classes, cell in cells]


def link(url: str, text: str) -> SafeString:
    """A cell that leads to another page."""
    return format_html(
        '<a href="{}" class="cell-link text-important hover:text-primary-600 dark:hover:text-primary-500">{}</a>',
        url,
        text,
    )
