"""Keyset pages in any order: each page costs the same, and no row is repeated or skipped (ADR 0017)."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import orjson
from django.db.models import BooleanField, F, Func, QuerySet, Value
from django.db.models.expressions import Combinable
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from pms_backend.api.pagination import INVALID_CURSOR, CursorPagination
from pms_backend.api.renderers import to_json

MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sorting:
    """An order of rows: by `key`, which must not be null, then by id, both in the same direction; or by id alone.

    `read` converts the JSON value in a cursor to a value of the key; it raises ValueError or TypeError for others.
    """

    name: str
    is_descending: bool = False
    key: Combinable | None = None
    read: Callable[[Any], Any] = str


NEWEST_FIRST: Final = Sorting("-id", is_descending=True)


class PageCursor(NamedTuple):
    """Where a page starts: after the row with these values, or before it, backwards."""

    is_before: bool
    values: list[Any]


class ReadRows(Protocol):
    """Reads at most `limit` rows after the cursor, or before it in the reverse order; without a cursor the first."""

    def __call__(self, *, cursor: PageCursor | None, limit: int) -> list[Any]: ...


class KeysetPagination(CursorPagination):
    """Pages of `values_list` rows whose first value is the id; the key's value is appended to each row.

    A cursor holds the key and the id of the last row of a page: rows with equal keys differ by id, and rows that are
    inserted or deleted elsewhere do not shift pages.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page, in the order of the view's `get_sorting`. Raises `ParseError` for an invalid cursor."""
        sorting: Sorting = view.get_sorting()

        def read(*, cursor: PageCursor | None, limit: int) -> list[Any]:
            return list(_sorted(queryset, sorting, cursor)[:limit])

        return self.paginate(request, sorting, read)

    def paginate(self, request: Request, sorting: Sorting, read: ReadRows) -> list[Any]:
        """The rows of the page, by a `read` of its own. Raises `ParseError` for an invalid cursor."""
        size = self.get_page_size(request)
        cursor = _decode(request.query_params.get(self.cursor_query_param), sorting)
        rows = read(cursor=cursor, limit=size + 1)
        is_before = cursor is not None and cursor.is_before
        has_more, rows = len(rows) > size, rows[:size]
        if is_before:
            rows.reverse()
        self._links = {
            "next": self._link(request, sorting, rows[-1:], is_before=False) if is_before or has_more else None,
            "previous": self._link(request, sorting, rows[:1], is_before=True)
            if (has_more if is_before else cursor is not None)
            else None,
        }
        return rows

    def page_of(self, results: list[Any]) -> dict[str, Any]:
        """The response with these results."""
        return {**self._links, "results": results}

    def get_next_link(self) -> str | None:
        """The URL of the next page."""
        return self._links["next"]

    def get_previous_link(self) -> str | None:
        """The URL of the previous page."""
        return self._links["previous"]

    def _link(
        self, request: Request, sorting: Sorting, boundary: Sequence[tuple[Any, ...]], *, is_before: bool
    ) -> str | None:
        if not boundary:
            return None
        row = boundary[0]
        values = [row[0]] if sorting.key is None else [row[-1], row[0]]
        cursor = base64.urlsafe_b64encode(to_json([sorting.name, is_before, *values])).decode()
        return replace_query_param(request.build_absolute_uri(), self.cursor_query_param, cursor)


def _decode(cursor: str | None, sorting: Sorting) -> PageCursor | None:
    if cursor is None:
        return None
    try:
        name, is_before, *key, number = orjson.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        is_of_this_order = name == sorting.name and type(is_before) is bool and len(key) == (sorting.key is not None)
        is_valid_id = type(number) is int and 0 <= number <= MAX_ID
        values = [*(sorting.read(value) for value in key), number]
    except (ValueError, TypeError, ArithmeticError):
        raise ParseError(INVALID_CURSOR) from None
    if not is_of_this_order or not is_valid_id:
        raise ParseError(INVALID_CURSOR)
    return PageCursor(is_before, values)


def _sorted(
    queryset: QuerySet[Any, tuple[Any, ...]], sorting: Sorting, cursor: PageCursor | None
) -> QuerySet[Any, tuple[Any, ...]]:
    is_descending = sorting.is_descending is not (cursor is not None and cursor.is_before)
    keys = [F("pk")] if sorting.key is None else [sorting.key, F("pk")]
    if cursor is not None:
        queryset = queryset.filter(_is_after(keys, cursor.values, is_descending=is_descending))
    if sorting.key is not None:
        queryset = queryset.annotate(sorted_by=sorting.key)
    order = [key.desc() if is_descending else key.asc() for key in keys]  # type: ignore[attr-defined]  # of expressions
    return queryset.order_by(*order)


def _is_after(keys: Sequence[Combinable], values: Sequence[Any], *, is_descending: bool) -> Func:
    """`ROW(keys) > ROW(values)`, or `<`: one comparison, so that PostgreSQL starts at that place of an index."""
    return Func(
        Func(*keys, function="ROW"),
        Func(*(Value(value) for value in values), function="ROW"),
        template="%(expressions)s",
        arg_joiner=" < " if is_descending else " > ",
        output_field=BooleanField(),
    )
