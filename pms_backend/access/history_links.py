"""Links from the history to the pages of who acted and of what was changed, where these exist and may be seen."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest
from django.urls import reverse

from pms_backend.access.models import AuditEntry
from pms_backend.access.services import LOGIN
from pms_backend.api.admin_subjects import subject_link
from pms_backend.api.admin_tables import link

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

_ID: Final = re.compile(r"[0-9]{1,18}")
_ACTOR, _SUBJECT = "actor", "subject"


class HistoryLinks:
    """The links of these entries, found by one statement for all.

    Subjects whose pages have no history (imports, sync runs) are linked as those of events are.
    """

    def __init__(self, request: HttpRequest, entries: Iterable[AuditEntry]) -> None:
        self._request = request
        self._kinds = {getattr(page, "history_kind", "") for page in admin.site._registry.values()}
        wanted: dict[tuple[str, str], set[str]] = {}
        for role, name in (pair for entry in entries for pair in _names(entry)):
            kind, _colon, key = name.partition(":")
            wanted.setdefault((role, kind), set()).add(key)
        found = list(_rows(request, wanted))
        rows = list(found[0].union(*found[1:], all=True)) if found else []
        self._urls: dict[tuple[str, str], list[str]] = {}
        for role, name, page, pk in rows:
            self._urls.setdefault((role, name), []).append(reverse(f"admin:{page}_change", args=[pk]))

    def actor(self, entry: AuditEntry) -> "SafeString | str":
        """Who acted."""
        return self._link(_ACTOR, entry.actor, entry.actor.partition(":")[2] or entry.actor)

    def subject(self, entry: AuditEntry) -> "SafeString | str":
        """What was changed, by its name at that time."""
        role, name = _subject(entry)
        text = entry.name or entry.subject
        if role == _SUBJECT and name.partition(":")[0] not in self._kinds:
            return subject_link(self._request, name, text)
        return self._link(role, name, text)

    def _link(self, role: str, name: str, text: str) -> "SafeString | str":
        # Two clients may have one name.
        urls = self._urls.get((role, name), [])
        return link(urls[0], text) if len(urls) == 1 else text


def _names(entry: AuditEntry) -> Iterator[tuple[str, str]]:
    yield _ACTOR, entry.actor
    yield _subject(entry)


def _subject(entry: AuditEntry) -> tuple[str, str]:
    kind, _colon, name = entry.subject.partition(":")
    # A login has the name of the user, not the key.
    return (_ACTOR, f"user:{name}") if kind == LOGIN else (_SUBJECT, entry.subject)


def _rows(request: HttpRequest, wanted: dict[tuple[str, str], set[str]]) -> Iterator[QuerySet[Any, Any]]:
    """Of each page that is linked to: the rows with the role, the name, the name of the page and the primary key."""
    for model, page in admin.site._registry.items():
        lookups = {
            (_SUBJECT, getattr(page, "history_kind", "")): getattr(page, "history_key", ""),
            (_ACTOR, getattr(page, "actor_kind", "")): getattr(page, "actor_key", ""),
        }
        for (role, kind), field in lookups.items():
            keys = wanted.get((role, kind), set())
            keys = {key for key in keys if _ID.fullmatch(key)} if field == "pk" else keys
            if keys and page.has_view_or_change_permission(request):
                opts = model._meta
                yield (
                    model._base_manager.filter(**{f"{field}__in": keys})
                    .order_by()
                    .annotate(
                        history_role=Value(role),
                        history_name=_named(kind, field),
                        history_page=Value(f"{opts.app_label}_{opts.model_name}"),
                    )
                    .values_list("history_role", "history_name", "history_page", "pk")
                )


def _named(kind: str, field: str) -> Any:
    return Concat(Value(f"{kind}:"), Cast(field, CharField()), output_field=CharField())
