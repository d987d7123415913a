"""Pages by keyset: sorted by anything, at the same cost wherever a page lies, and no row twice or left out."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
from django.db.models import BooleanField, F, Func, QuerySet, Value
from django.db.models.expressions import Combinable
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from pms_backend.api.pagination import NOT_OURS, CursorPagination
from pms_backend.api.renderers import to_json

MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sorting:
    """An order of rows: by `key`, which is null nowhere, then by id, both in one direction; without a key by id alone.

    `read` makes a value of the key of what stands in a cursor. Raises ValueError or TypeError where it is none.
    """

    name: str
    is_descending: bool = False
    key: Combinable | None = None
    read: Callable[[Any], Any] = str


NEWEST_FIRST: Final = Sorting("-id", is_descending=True)


class _Place(NamedTuple):
    """Between two rows: behind the one with these values, or before it."""

    is_before: bool
    values: list[Any]


class KeysetPagination(CursorPagination):
    """Pages of `values_list` rows whose first value is the id; each comes with the key's value behind its own.

    A cursor holds the values of the row that a page ended with, so that rows that are equal but for their id are told
    apart, and rows that come or go elsewhere move nothing.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page, in the order of the view's `get_sorting`.

        Raises 400 for a cursor that no page of this order gave.
        """
        sorting: Sorting = view.get_sorting()
        size = self.get_page_size(request)
        place = _read(request.query_params.get(self.cursor_query_param), sorting)
        rows = list(_sorted(queryset, sorting, place)[: size + 1])
        is_before = place is not None and place.is_before
        goes_on, rows = len(rows) > size, rows[:size]
        if is_before:
            rows.reverse()
        self._links = {
            "next": self._link(request, sorting, rows[-1:], is_before=False) if is_before or goes_on else None,
            "previous": self._link(request, sorting, rows[:1], is_before=True)
            if (goes_on if is_before else place is not None)
            else None,
        }
        return rows

    def get_next_link(self) -> str | None:
        """The address of the page behind this one."""
        return self._links["next"]

    def get_previous_link(self) -> str | None:
        """The address of the page before this one."""
        return self._links["previous"]

    def _link(
        self, request: Request, sorting: Sorting, edge: Sequence[tuple[Any, ...]], *, is_before: bool
    ) -> str | None:
        if not edge:
            return None
        row = edge[0]
        values = [row[0]] if sorting.key is None else [row[-1], row[0]]
        cursor = base64.urlsafe_b64encode(to_json([sorting.name, is_before, *values])).decode()
        return replace_query_param(request.build_absolute_uri(), self.cursor_query_param, cursor)


def _read(cursor: str | None, sorting: Sorting) -> _Place | None:
    if cursor is None:
        return None
    try:
        name, is_before, *key, number = orjson.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        is_ours = name == sorting.name and type(is_before) is bool and len(key) == (sorting.key is not None)
        is_sound = type(number) is int and 0 <= number <= MAX_ID
        values = [*(sorting.read(value) for value in key), number]
    except (ValueError, TypeError, ArithmeticError):
        raise ParseError(NOT_OURS) from None
    if not is_ours or not is_sound:
        raise ParseError(NOT_OURS)
    return _Place(is_before, values)


def _sorted(
    queryset: QuerySet[Any, tuple[Any, ...]], sorting: Sorting, place: _Place | None
) -> QuerySet[Any, tuple[Any, ...]]:
    goes_down = sorting.is_descending is not (place is not None and place.is_before)
    keys = [F("pk")] if sorting.key is None else [sorting.key, F("pk")]
    if place is not None:
        queryset = queryset.filter(_beyond(keys, place.values, goes_down=goes_down))
    if sorting.key is not None:
        queryset = queryset.annotate(sorted_by=sorting.key)
    order = [key.desc() if goes_down else key.asc() for key in keys]  # type: ignore[attr-defined]  # of expressions
    return queryset.order_by(*order)


def _beyond(keys: Sequence[Combinable], values: Sequence[Any], *, goes_down: bool) -> Func:
    """A comparison of rows, which an index of the same keys serves from its first row on."""
    return Func(
        Func(*keys, function="ROW"),
        Func(*(Value(value) for value in values), function="ROW"),
        template="%(expressions)s",
        arg_joiner=" < " if goes_down else " > ",
        output_field=BooleanField(),
    )
