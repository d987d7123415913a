"""What the page of an API client shows below its fields: what it may do, and what it has written last."""

from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from pms_backend.access.client_words import SCOPE_TEXTS
from pms_backend.access.history_links import HistoryLinks
from pms_backend.access.history_words import action_in_words
from pms_backend.access.models import ApiClient, AuditEntry
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api.admin_tables import KEY, SHORT, TEXT, Table, link
from pms_backend.api.service_admin import moment

LAST_WRITES: Final = 10


def tables_of(request: HttpRequest, client: ApiClient) -> list[Table]:
    """The scopes with a sentence each, and for users who may read the audit log the last writes."""
    tables = [scopes_of(client)]
    if request.user.has_perm("access.view_auditentry"):
        tables.append(last_writes_of(request, client))
    return tables


def scopes_of(client: ApiClient) -> Table:
    """What the client may do."""
    return Table(
        title=_("What it may do"),
        columns={_("Scope"): KEY, _("Allows"): TEXT},
        rows=[(scope, SCOPE_TEXTS[scope]) for scope in ALL_SCOPES if scope in client.scopes],
        empty=_("Nothing: it has no scope."),
    )


def last_writes_of(request: HttpRequest, client: ApiClient) -> Table:
    """The newest entries of the audit log by this client's name."""
    actor = f"client:{client.name}"
    entries = list(AuditEntry.objects.filter(actor=actor).order_by("-id")[:LAST_WRITES])
    links = HistoryLinks(request, entries)
    # In quotes, because the search takes a name with spaces for several words.
    query = urlencode({"q": f'"{actor}"'})
    all_of_it = link(f"{reverse('admin:access_auditentry_changelist')}?{query}", _("All its entries of the audit log"))
    namesakes = ApiClient.objects.filter(name=client.name).exclude(pk=client.pk)
    other = _("Another client has this name: what that one wrote is here too.") if namesakes.exists() else ""
    return Table(
        title=_("Last writes"),
        columns={_("What"): KEY, _("On"): TEXT, _("When"): SHORT},
        rows=[(action_in_words(entry.action), links.subject(entry), moment(entry.occurred_at)) for entry in entries],
        empty=_("The audit log has no entry of it."),
        note=format_html("{} {}", other, all_of_it) if other else all_of_it,
    )
