"""The list of alerts: those that are open first."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from pms_backend.api.admin_tables import EXTRA, MAIN, NAME, SENTENCE
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import display
from pms_backend.operations.alerts.catalogue import what_of
from pms_backend.operations.alerts.words import about, duration_of
from pms_backend.operations.models import Alert, AlertSeverity

_STATES: Final[dict[str, Any]] = {"open": _("Open"), "over": _("Over")}
# By keys: texts would be found in one language only.
_LABELS: Final[dict[str, str]] = {AlertSeverity.CRITICAL: "danger", AlertSeverity.WARNING: "warning", "over": "success"}


class StateFilter(admin.SimpleListFilter):
    """Filters by whether the alert is over."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The two states."""
        return list(_STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Alerts in the chosen state."""
        return queryset.filter(resolved_at__isnull=self.value() == "open") if self.value() else queryset


class AlertAdmin(GrowingTableAdmin):
    """Alerts as the monitor has opened and resolved them; nobody changes them."""

    list_display = ("what", "badge", "linked", "detail", "began", "lasted")
    column_kinds: ClassVar = {"what": NAME, "badge": MAIN, "detail": SENTENCE, "lasted": EXTRA}
    list_filter = (StateFilter, "name")
    empty_text = _("What is wrong appears here, with its beginning and its end. Nothing has been wrong yet.")
    ordering = (F("resolved_at").desc(nulls_first=True), "-began_at")
    sortable_by = ()
    fields = (("what", "state"), ("linked", "name"), "detail", ("began", "lasted"), ("resolved", "told"))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the links that this user may follow."""
        changelist: Any = super().get_changelist_instance(request)
        for row in changelist.result_list:
            row.about = about(request, row)
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The alert, with its link."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.about = about(request, found)
        return found

    @display(description=_("Alert"))
    def what(self, alert: Alert) -> Any:
        """What is or was wrong."""
        return what_of(alert.name)

    @display(description=_("State"), label=_LABELS)
    def badge(self, alert: Alert) -> tuple[str, Any]:
        """The state for a coloured label: its key in `_LABELS`, and its text."""
        return "over" if alert.resolved_at else alert.severity, self.state(alert)

    @display(description=_("State"))
    def state(self, alert: Alert) -> Any:
        """How bad it is, or that it is over."""
        return AlertSeverity(alert.severity).label if alert.resolved_at is None else _STATES["over"]

    @display(description=_("About"))
    def linked(self, alert: Any) -> Any:
        """What it is about."""
        return alert.about

    @display(description=_("Since"))
    def began(self, alert: Alert) -> SafeString:
        """When it began."""
        return moment(alert.began_at)

    @display(description=_("Duration"))
    def lasted(self, alert: Alert) -> str:
        """For how long it lasts or has lasted."""
        return duration_of(alert)

    @display(description=_("Over since"))
    def resolved(self, alert: Alert) -> SafeString:
        """When it ended."""
        return moment(alert.resolved_at)

    @display(description=_("Told at"))
    def told(self, alert: Alert) -> SafeString:
        """When its message was sent; a dash if it was left out."""
        return moment(alert.told_at)
