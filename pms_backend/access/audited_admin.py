"""Django's own admin pages, with their changes in the history instead of Django's admin log."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from pms_backend.access.history_pages import HistoryPages
from pms_backend.access.services import HIDDEN, FieldChange, HistoryEntry, record_history


class AuditedAdmin(HistoryPages):
    """Writes the history of what its pages change, in the same transaction."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: Any = False) -> Any:  # noqa: FBT002 - Django's
        """The changes of the form; Django passes them to `log_change`."""
        return [change for name in form.changed_data for change in _changes_of(name, form)]

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Records a new row."""
        _record("created", [obj])

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Records the changes of a row, if there are any."""
        if message:
            _record("changed", [obj], message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Records rows before they are deleted."""
        _record("deleted", queryset)

    @transaction.atomic
    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *location: Any) -> HttpResponse | None:
        """Django's, in a transaction: one of the actions deletes."""
        return super().response_action(request, queryset, *location)


def own_password_changed(change: Callable[..., HttpResponse]) -> Any:
    """The page `change` of one's own password, which writes the history of it, in the same transaction."""

    @wraps(change)
    @transaction.atomic
    def changed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user: Any = request.user
        before = user.password
        response = change(request, *args, **kwargs)
        if user.password != before:
            _record("changed", [user], [FieldChange("password", HIDDEN, HIDDEN)])
        return response

    return changed


def _record(what: str, rows: Any, changes: Any = ()) -> None:
    record_history(
        [
            HistoryEntry(
                action=f"{row._meta.model_name}.{what}",
                subject=f"{row._meta.model_name}:{row.pk}",
                name=str(row),
                changes=changes,
            )
            for row in rows
        ]
    )


def _changes_of(name: str, form: Any) -> Iterator[FieldChange]:
    """A list of rows has a change for each that is added or removed. A password has no values."""
    if "password" in name:
        yield FieldChange(name, HIDDEN, HIDDEN)
        return
    before, after = form.initial.get(name), form.cleaned_data[name]
    if not isinstance(after, QuerySet):
        yield FieldChange(name, before, after)
        return
    was, is_now = ({row.pk: row for row in rows} for rows in (before or (), after))
    for pk in sorted(was.keys() ^ is_now.keys()):
        yield FieldChange(f"{name}[{_name((was | is_now)[pk])}]", pk in was, pk in is_now)


def _name(row: Model) -> str:
    return f"{row.content_type.app_label}.{row.codename}" if isinstance(row, Permission) else str(row)
