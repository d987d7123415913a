"""How a connection's PMS is called: its form, and the state of its circuit as a label."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from pms_backend.outbound.circuit import CircuitStatus
from pms_integration.connectors import outgoing_connector_of
from pms_integration.models import MAX_BASE_URL_LENGTH, PMSConnection
from pms_integration.services.outgoing import MAX_CREDENTIAL_LENGTH

FAILED: Final = "failed"
NOT_CALLED: Final = "not_called"
CIRCUIT_LABELS: Final[dict[str, str]] = {
    CircuitStatus.CLOSED: "success",
    CircuitStatus.OPEN: "danger",
    CircuitStatus.HALF_OPEN: "warning",
    FAILED: "warning",
    NOT_CALLED: "default",
}
_TEXTS: Final[dict[str, Any]] = {
    CircuitStatus.CLOSED: gettext_lazy("Reachable"),
    CircuitStatus.OPEN: gettext_lazy("Unreachable"),
    CircuitStatus.HALF_OPEN: gettext_lazy("One trial"),
    FAILED: gettext_lazy("Last call failed"),
    NOT_CALLED: gettext_lazy("Not called"),
}
_CREDENTIALS: Final = "credentials/"


class CallsFilter(admin.SimpleListFilter):
    """Filters by what is wrong with the calls."""

    title = gettext_lazy("calls")
    parameter_name = "calls"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What is wrong."""
        return [("unreachable", _TEXTS[CircuitStatus.OPEN]), ("failed", _TEXTS[FAILED])]

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
        label=gettext_lazy("Base URL"),
        max_length=MAX_BASE_URL_LENGTH,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "https://pms.example.com/api"}),
        help_text=gettext_lazy("Empty: the PMS is not called, it only sends webhooks."),
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
                help_text=_("Set; empty: it stays, unless the host changes.") if name in stored else "",
            )

    @property
    def credentials(self) -> dict[str, str]:
        """Those that were filled in."""
        named = ((name, value) for name, value in self.cleaned_data.items() if name.startswith(_CREDENTIALS))
        return {name.removeprefix(_CREDENTIALS): value for name, value in named if value}


def circuit_label(connection: PMSConnection) -> tuple[str, str]:
    """The state of the circuit: a key of `CIRCUIT_LABELS`, and a word or two."""
    state: str = connection.circuit_state.status
    if connection.base_url is None or not connection.is_active:
        state = NOT_CALLED
    elif state == CircuitStatus.CLOSED and connection.last_error:
        state = FAILED
    return state, str(_TEXTS[state])
