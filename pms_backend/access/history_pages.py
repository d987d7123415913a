"""The history in the admin: the last entries at the end of a page, and all of them on a page of their own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from pms_backend.access.history_links import HistoryLinks
from pms_backend.access.history_words import action_in_words, lines
from pms_backend.access.models import AuditEntry
from pms_backend.access.visibility import sees_cost, visible_changes
from pms_backend.api.admin_tables import KEY, LINES, MAIN, SHORT, TEXT, Table
from pms_backend.api.service_admin import moment

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Any]
else:
    Base = object

LAST_ENTRIES: Final = 10
ENTRIES_A_PAGE: Final = 50
# Of an entry, on the page of what it changed.
SHOWN_LINES: Final = 8
BEFORE: Final = "before"


class HistoryPages(Base):
    """Pages of rows with a history, for those who may change them.

    `history_kind` and `history_key`, the field that follows it, are those of the entries' subjects (`product:12`);
    `actor_kind` and `actor_key` those of the actors that the rows are (`user:ann`).
    """

    history_kind: ClassVar[str]
    history_key: ClassVar[str] = "pk"
    actor_kind: ClassVar[str] = ""
    actor_key: ClassVar[str] = ""
    change_form_template = "access/change_form.html"

    def has_history_permission(self, request: HttpRequest) -> bool:
        """Requires the permission to change such rows, even where the admin has no form for it."""
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename('change', self.opts)}")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the last entries of the row."""
        row = context.get("original")
        if row is not None and self.has_history_permission(request):
            last = list(self._entries(row)[:LAST_ENTRIES])
            table = timeline(request, last, title=_("History"), limit=SHOWN_LINES)
            context = {**context, "timeline": table, "timeline_url": self._history_url(row) if last else ""}
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """All entries of the row, newest first, instead of Django's admin log."""
        if not self.has_history_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            missing = _("There is no %(model)s %(number)s.")
            raise Http404(missing % {"model": self.opts.verbose_name, "number": object_id})
        before = request.GET.get(BEFORE, "")
        entries = self._entries(row)
        if before.isdecimal() and len(before) <= len(str(2**63)) - 1:
            entries = entries.filter(pk__lt=int(before))
        found = list(entries[: ENTRIES_A_PAGE + 1])
        shown = found[:ENTRIES_A_PAGE]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": _("History of %(name)s") % {"name": row},
            "table": timeline(request, shown),
            "newest_url": self._history_url(row) if before else "",
            "older_url": f"{self._history_url(row)}?{BEFORE}={shown[-1].pk}" if len(found) > len(shown) else "",
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk]),
        }
        return TemplateResponse(request, "access/history.html", context)

    def _entries(self, row: Model) -> Any:
        return AuditEntry.objects.filter(subject=f"{self.history_kind}:{getattr(row, self.history_key)}")

    def _history_url(self, row: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", args=[row.pk])


def timeline(
    request: HttpRequest, entries: Sequence[AuditEntry], *, title: str = "", limit: int | None = None
) -> Table:
    """The entries as a table: when, what from what to what, who, and through which door."""
    links, with_cost = HistoryLinks(request, entries), sees_cost(request)
    return Table(
        title=title,
        columns={_("What"): KEY, _("Changes"): LINES, _("When"): SHORT, _("Who"): TEXT, _("Through"): MAIN},
        rows=[
            (
                action_in_words(entry.action),
                lines(visible_changes(entry, with_cost=with_cost), entry.detail, limit=limit) or None,
                moment(entry.occurred_at),
                links.actor(entry),
                entry.get_door_display(),
            )
            for entry in entries
        ],
        empty=_("No change is recorded, or none is kept any more."),
    )
