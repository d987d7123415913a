"""Tables on pages of the admin: `service_admin/table.html` shows one, `service_admin/tables.html` a list of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

TABLES: Final = "service_admin/tables.html"


@dataclass(frozen=True, slots=True)
class Column:
    """A column, with the CSS classes of its cells."""

    title: str
    classes: str = ""
    # Whether its cells are fields of a form, whose errors stand below them.
    has_fields: bool = False

    @classmethod
    def key(cls, title: str) -> "Column":
        """A column that names the row, in one line."""
        return cls(title, "text-important whitespace-nowrap")

    @classmethod
    def number(cls, title: str) -> "Column":
        """A column of numbers."""
        return cls(title, "text-right")

    @classmethod
    def main_number(cls, title: str) -> "Column":
        """The numbers to look at first."""
        return cls(title, "text-right text-important")

    @classmethod
    def short(cls, title: str) -> "Column":
        """A column of texts in one line, such as moments."""
        return cls(title, "whitespace-nowrap")

    @classmethod
    def fields(cls, title: str) -> "Column":
        """A column of numbers to fill in."""
        return cls(title, "text-right w-48", has_fields=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table whose rows have a cell for each column, None for a dash; without rows it says `empty`."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    empty: str = ""
    note: str = ""

    def cells(self) -> list[list[tuple[Column, Any]]]:
        """The cells of each row, with their columns."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


def link(url: str, text: str) -> SafeString:
    """A cell that leads to another page."""
    return format_html(
        '<a href="{}" class="text-important hover:text-primary-600 dark:hover:text-primary-500">{}</a>', url, text
    )


def to_the_second(moment: datetime | None) -> str | None:
    """A moment in a cell."""
    return None if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"
