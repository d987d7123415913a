"""Rows by their references, numbers, ids and names: of all kinds by one statement."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.contrib import admin
from django.db.models import CharField, DateTimeField, Model, Q, QuerySet, Value
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from pms_backend.api.service_admin import moment
from pms_backend.operations.search.results import Group, Hit, list_url

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NO_TEXT: Final = Value("", CharField())
NO_MOMENT: Final = Cast(Value(None), DateTimeField())


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows of a model: those with `exact`ly this code, those `like` the text, and what a hit says of one.

    `number` (a text for the row's id) and the column `name` stand in the first line of a hit. The second has the
    label of the column `state`, those of `about` and `more`, and the moment `at`, within `at_text`.
    """

    model: type[Model]
    icon: str
    searched: "StrOrPromise"
    exact: Callable[[str], Q] | None = None
    like: Callable[[str], Q] | None = None
    rows: Callable[[], QuerySet[Any]] | None = None
    number: "StrOrPromise" = ""
    name: Any = NO_TEXT
    state: Any = NO_TEXT
    states: Mapping[str, "StrOrPromise"] | None = None
    about: Any = NO_TEXT
    more: Any = NO_TEXT
    at: Any = NO_MOMENT
    at_text: "StrOrPromise" = "{}"

    @property
    def title(self) -> str:
        """The name of its group."""
        return str(capfirst(self.model._meta.verbose_name_plural))

    def found(self, index: int, text: str, limit: int) -> Iterator[QuerySet[Any]]:
        """The rows for the union of all sources, `index` being that of this source: the newest of each kind."""
        rows = self.rows() if self.rows else self.model._default_manager.all()
        exact, like = self.exact and self.exact(text), self.like and self.like(text)
        if exact is not None:
            yield self._columns(rows.filter(exact), index, is_exact=True)[:limit]
        if like is not None:
            others = rows.filter(like) if exact is None else rows.filter(like).exclude(exact)
            yield self._columns(others, index, is_exact=False)[:limit]

    def _columns(self, rows: QuerySet[Any], index: int, *, is_exact: bool) -> QuerySet[Any, Any]:
        columns = (self.name, self.state, self.about, self.more, self.at)
        return rows.order_by("-pk").values_list(Value(index), Value(is_exact), "pk", *columns)

    def hit(self, row: "Row") -> Hit:
        """What is shown of a row."""
        number = self.number % {"number": row.pk} if self.number else ""
        states = self.states or {}
        details = [states.get(row.state, row.state), row.about, row.more]
        opts = self.model._meta
        return Hit(
            url=reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk]),
            icon=self.icon,
            title=", ".join(filter(None, (str(number), row.name))),
            details=[*details, format_html(str(self.at_text), moment(row.at))] if row.at else details,
            is_exact=row.is_exact,
        )

    def list_url(self, text: str) -> str:
        """Its list, searched for the same."""
        return list_url(f"{self.model._meta.app_label}_{self.model._meta.model_name}", q=text)


class Row(NamedTuple):
    """A row of the union."""

    source: int
    is_exact: bool
    pk: int
    name: str
    state: str
    about: str | None
    more: str | None
    at: Any


def find_rows(request: HttpRequest, sources: Sequence[Source], text: str, limit: int) -> list[Group]:
    """The hits of each source, exact ones first, of those whose rows the user may view."""
    queries = [
        query
        for index, source in enumerate(sources)
        if may_view(request, source.model)
        for query in source.found(index, text, limit + 1)
    ]
    if not queries:
        return []
    rows = sorted((Row(*row) for row in queries[0].union(*queries[1:], all=True)), key=lambda row: row[:2])
    groups = groupby(rows, key=lambda row: sources[row.source])
    return [_group(source, sorted(found, key=_exact_first), text, limit) for source, found in groups]


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    """Whether the user may open the pages of the model's rows."""
    return admin.site.get_model_admin(model).has_view_permission(request)


def _exact_first(row: Row) -> tuple[bool, int]:
    return not row.is_exact, -row.pk


def _group(source: Source, rows: Sequence[Row], text: str, limit: int) -> Group:
    return Group(
        title=source.title,
        hits=[source.hit(row) for row in rows[:limit]],
        all_url=source.list_url(text) if len(rows) > limit else "",
    )
