"""How a connection's PMS is called: its form, and the state of its circuit as a label."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from pms_backend.outbound.circuit import CircuitStatus
from pms_integration.connectors import outgoing_connector_of
from pms_integration.models import MAX_BASE_URL_LENGTH, PMSConnection
from pms_integration.services.outgoing import MAX_CREDENTIAL_LENGTH

FAILED: Final = "Last call failed"
CIRCUIT_LABELS: Final = {"Reachable": "success", FAILED: "warning", "Unreachable": "danger", "One trial": "warning"}
_LABEL_OF_STATUS: Final = {
    CircuitStatus.CLOSED: "Reachable",
    CircuitStatus.OPEN: "Unreachable",
    CircuitStatus.HALF_OPEN: "One trial",
}
_CREDENTIALS: Final = "credentials/"


class CallsFilter(admin.SimpleListFilter):
    """Filters by what is wrong with the calls."""

    title = "calls"
    parameter_name = "calls"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What is wrong."""
        return [("unreachable", "Unreachable"), ("failed", FAILED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The connections of which that is wrong."""
        connections: Any = queryset
        match self.value():
            case "unreachable":
                return connections.unreachable()  # type: ignore[no-any-return]
            case "failed":
                return connections.last_call_failed()  # type: ignore[no-any-return]
        return queryset


class OutgoingForm(forms.Form):
    """The base URL, and a field for each credential, which never shows what is stored."""

    base_url = forms.CharField(
        required=False,
        label="Base URL",
        max_length=MAX_BASE_URL_LENGTH,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "https://pms.example.com/api"}),
        help_text="Empty: the PMS is not called, it only sends webhooks.",
    )

    def __init__(self, connection: PMSConnection, data: Any = None) -> None:
        super().__init__(data, initial={"base_url": connection.base_url})
        connector = outgoing_connector_of(connection.kind)
        stored = connection.credential_values
        for name in connector.credential_names if connector else ():
            self.fields[f"{_CREDENTIALS}{name}"] = forms.CharField(
                required=False,
                label=name.replace("_", " ").capitalize(),
                max_length=MAX_CREDENTIAL_LENGTH,
                widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
                help_text="Set; empty: it stays, unless the host changes." if name in stored else "",
            )

    @property
    def credentials(self) -> dict[str, str]:
        """Those that were filled in."""
        named = ((name, value) for name, value in self.cleaned_data.items() if name.startswith(_CREDENTIALS))
        return {name.removeprefix(_CREDENTIALS): value for name, value in named if value}


def circuit_label(connection: PMSConnection) -> str:
    """The state of the circuit in a word or two."""
    if connection.base_url is None or not connection.is_active:
        return "Not called"
    status = connection.circuit_state.status
    return FAILED if status == CircuitStatus.CLOSED and connection.last_error else _LABEL_OF_STATUS[status]
