"""Alerts on pages of the admin: what each says, for how long, and the page that shows what it is about."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pms_backend.api.admin_tables import link
from pms_backend.operations.alerts.catalogue import ENDPOINT, what_of
from pms_backend.operations.models import Alert, AlertSeverity

SHOWN: Final = 10
# The list that shows what an alert is about: the model, and the filters of its list.
_LISTS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "relay": ("events.event", {}),
    "inbox": ("pms_integration.pmsevent", {}),
    "deliveries": ("webhooks.delivery", {"status__exact": "pending"}),
    "imports": ("pms_integration.importjob", {}),
    "circuits": ("pms_integration.pmsconnection", {}),
    "parked_events": ("events.parkedevent", {"state": "parked"}),
    "dead_pms_events": ("pms_integration.pmsevent", {"status__exact": "dead"}),
    "failed_syncs": ("pms_integration.syncrun", {}),
    "stock_differences": ("pms_integration.pmsstock", {"differs": "1"}),
}
_ENDPOINT: Final = "webhooks.webhookendpoint"


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An open alert on the dashboard."""

    text: str
    detail: str
    began_at: str
    url: str
    is_critical: bool


def open_alerts_in_words(request: HttpRequest) -> list[OpenAlert] | None:
    """The oldest open alerts; None for a user who may not see alerts. One statement."""
    if not request.user.has_perm("operations.view_alert"):
        return None
    rows = list(Alert.objects.open()[: SHOWN + 1])
    shown = [_open_alert(row) for row in rows[:SHOWN]]
    if len(rows) > SHOWN:
        url = f"{reverse('admin:operations_alert_changelist')}?state=open"
        shown.append(OpenAlert(_("There are more alerts."), "", "", url, is_critical=False))
    return shown


def about(request: HttpRequest, alert: Alert) -> SafeString | str:
    """What the alert is about, as a link if it has a page that the user may open."""
    name, filters = _LISTS.get(alert.name, ("", {}))
    text = alert.subject or "-"
    number = alert.subject if alert.name == "failing_endpoints" else alert.subject.partition(ENDPOINT)[2]
    if number:
        text = _("Endpoint %(number)s") % {"number": number}
        page = reverse(f"admin:{_ENDPOINT.replace('.', '_')}_change", args=[number])
        return link(page, text) if _may_view(request, _ENDPOINT) else text
    if not name or not _may_view(request, name):
        return text
    page = reverse(f"admin:{name.replace('.', '_')}_changelist")
    return link(f"{page}?{urlencode(filters)}" if filters else page, alert.subject or _("Show"))


def duration_of(alert: Alert) -> str:
    """For how long it has lasted; Django joins the number and the unit by a no-break space."""
    end = alert.resolved_at or timezone.now()
    if end - alert.began_at < timedelta(minutes=1):
        seconds = max(round((end - alert.began_at).total_seconds()), 0)
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    return timesince(alert.began_at, end).replace("\xa0", " ")


def _open_alert(row: Alert) -> OpenAlert:
    what = str(what_of(row.name))
    return OpenAlert(
        text=f"{what}: {row.subject}" if row.subject else what,
        detail=row.detail,
        began_at=_("for %(duration)s") % {"duration": duration_of(row)},
        url=reverse("admin:operations_alert_change", args=[row.pk]),
        is_critical=row.severity == AlertSeverity.CRITICAL,
    )


def _may_view(request: HttpRequest, label: str) -> bool:
    app, model = label.split(".")
    return any(request.user.has_perm(f"{app}.{verb}_{model}") for verb in ("view", "change"))
