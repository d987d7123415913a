"""The audit log in the admin: the history of everything, newest first."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.history_links import HistoryLinks
from pms_backend.access.history_pages import SHOWN_LINES
from pms_backend.access.history_words import (
    KINDS,
    MAX_SHOWN_LENGTH,
    action_in_words,
    change_in_words,
    field_in_words,
    kind_in_words,
    value_in_words,
)
from pms_backend.access.models import AuditEntry
from pms_backend.access.visibility import sees_cost, visible_changes
from pms_backend.api.admin_tables import EXTRA, LINES, MAIN, NAME, SHORT, TABLES, TEXT, Table
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import display


class KindFilter(admin.SimpleListFilter):
    """A filter by what was changed."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The kinds of things that have a history."""
        return list(KINDS.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The entries of the chosen kind."""
        return queryset.filter(action__startswith=f"{self.value()}.") if self.value() in KINDS else queryset


class LinkedList(ChangeList):
    """The list, whose links are found by one statement for the page."""

    def get_results(self, request: HttpRequest) -> None:
        """The page's entries, each with its links and with whether its costs are shown."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        links, with_cost = HistoryLinks(request, self.result_list), sees_cost(request)
        for entry in self.result_list:
            entry.links, entry.changes = links, visible_changes(entry, with_cost=with_cost)


class AuditEntryAdmin(GrowingTableAdmin):
    """The audit log, newest first, read-only."""

    list_display = ("what", "action_shown", "change_line", "actor_link", "through", "occurred")
    column_kinds: ClassVar = {"what": NAME, "action_shown": f"{MAIN} {SHORT}", "change_line": LINES, "through": EXTRA}
    # The first column has a link of its own.
    list_display_links = ("occurred",)
    list_filter = ("door", KindFilter)
    # Each has an index.
    search_fields = ("actor__startswith", "action__startswith", "subject__startswith", "request_id__exact")
    search_help_text = gettext_lazy("Who, what was done, to what, or the beginning of these; a request id")
    empty_text = gettext_lazy("Changes of the catalogue and of settings appear here, and logins.")
    sortable_by = ()
    fields = ("occurred", "actor_link", "through", "action_shown", "what", "subject", "request_id")
    change_form_outer_after_template = TABLES

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Refuses filters on the values, which could reveal costs."""
        return not lookup.startswith(("changes", "detail")) and super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list with links."""
        return LinkedList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AuditEntry | None:
        """The entry with its links."""
        entry: AuditEntry | None = super().get_object(request, object_id, from_field)
        if entry is not None:
            vars(entry)["links"] = HistoryLinks(request, [entry])
        return entry

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Adds the changes and the details as tables."""
        entry: AuditEntry = context["original"]
        changes = visible_changes(entry, with_cost=sees_cost(request))
        tables = [_changes_table(changes)]
        if entry.detail:
            tables.append(_detail_table(entry.detail))
        return super().render_change_form(request, {**context, "tables": tables}, *args, **kwargs)

    @display(description=gettext_lazy("When"))
    def occurred(self, entry: AuditEntry) -> SafeString:
        """The moment of the entry."""
        return moment(entry.occurred_at)

    @display(description=gettext_lazy("Who"))
    def actor_link(self, entry: Any) -> Any:
        """The actor, with a link to the page of the user, client or connection."""
        return entry.links.actor(entry)

    @display(description=gettext_lazy("Through"))
    def through(self, entry: AuditEntry) -> str:
        """The way by which the change came in."""
        return entry.get_door_display()

    @display(description=gettext_lazy("Action"))
    def action_shown(self, entry: AuditEntry) -> str:
        """What was done."""
        return action_in_words(entry.action)

    @display(description=gettext_lazy("What"))
    def what(self, entry: Any) -> SafeString:
        """What was changed, with a link to its page, and its kind."""
        lines = '<span class="block">{}</span><span class="block font-normal text-subtle">{}</span>'
        return format_html(lines, entry.links.subject(entry), kind_in_words(entry.action))

    @display(description=gettext_lazy("Changes"))
    def change_line(self, entry: AuditEntry) -> SafeString | None:
        """The first changes in one line, cut; whole in its title."""
        if not entry.changes:
            return None
        shown = list(map(change_in_words, entry.changes[:SHOWN_LINES]))
        text = "; ".join([*shown, "…"] if len(shown) < len(entry.changes) else shown)
        return format_html('<span title="{}">{}</span>', text, Truncator(text).chars(MAX_SHOWN_LENGTH))


def _changes_table(changes: list[dict[str, Any]]) -> Table:
    return Table(
        title=_("Changes"),
        columns={_("Field"): NAME, _("From"): TEXT, _("To"): TEXT},
        rows=[
            (field_in_words(field), value_in_words(change["from"], field), value_in_words(change["to"], field))
            for change in changes
            for field in (change["field"],)
        ],
        empty=_("No field was changed."),
    )


def _detail_table(detail: dict[str, Any]) -> Table:
    return Table(
        title=_("Details"),
        columns={_("Name"): NAME, _("Value"): TEXT},
        rows=[(field_in_words(name), value_in_words(value, name)) for name, value in detail.items()],
    )
