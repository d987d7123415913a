"""Tables on pages of the admin: `service_admin/table.html` shows one, `service_admin/tables.html` a list of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

TABLES: Final = "service_admin/tables.html"


# The CSS classes of a column's cells: texts, texts in one line, the name of the row, the same in one line, numbers,
# those to look at first, fields for a number. A phone shows the name and the main number in a row's first line, the
# others in its second.
TEXT: Final = ""
SHORT: Final = "whitespace-nowrap"
NAME: Final = "cell-name text-important"
KEY: Final = f"{NAME} {SHORT}"
NUMBER: Final = "cell-number"
MAIN_NUMBER: Final = "cell-number cell-main text-important"
# Several lines, which a phone shows below the others.
LINES: Final = "cell-lines"
FIELD: Final = "cell-number cell-main w-48"
# In lists alone: a small picture, a text in the first line, a sentence, which gets a phone's whole second line, what a
# phone leaves out, and buttons.
PICTURE: Final = "cell-picture"
MAIN: Final = "cell-main"
SENTENCE: Final = "cell-sentence"
EXTRA: Final = "cell-extra"
EXTRA_NUMBER: Final = "cell-number cell-extra"
ACTIONS: Final = "cell-actions"


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

    def cells(self) -> Iterator[list[tuple[str, str, Any, Any]]]:
        """The cells of each row, with the titles and classes of their columns and the errors of fields."""
        for row in self.rows:
            cells = zip(self.columns.items(), row, strict=True)
            yield [(title, classes, cell, getattr(cell, "errors", None)) for (title, classes), cell in cells]


def link(url: str, text: str) -> SafeString:
    """A cell that leads to another page."""
    return format_html(
        '<a href="{}" class="cell-link text-important hover:text-primary-600 dark:hover:text-primary-500">{}</a>',
        url,
        text,
    )
