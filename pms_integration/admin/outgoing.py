"""How a connection's PMS is called: its form, and the state of its circuit in words."""

from typing import Any, Final

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from pms_backend.outbound.circuit import CircuitStatus
from pms_integration.connectors import outgoing_connector_of
from pms_integration.models import MAX_BASE_URL_LENGTH, PMSConnection
from pms_integration.services.outgoing import MAX_CREDENTIAL_LENGTH

CIRCUIT_LABELS: Final = {"Reachable": "success", "Unreachable": "danger", "One trial": "warning"}
_LABEL_OF_STATUS: Final = {
    CircuitStatus.CLOSED: "Reachable",
    CircuitStatus.OPEN: "Unreachable",
    CircuitStatus.HALF_OPEN: "One trial",
}
_CREDENTIALS: Final = "credentials/"


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
    return "Not called" if connection.base_url is None else _LABEL_OF_STATUS[connection.circuit_state.status]


def circuit_in_words(connection: PMSConnection) -> str:
    """The state of the circuit as a sentence."""
    if connection.base_url is None:
        return "The PMS is not called: it only sends webhooks."
    circuit = connection.circuit_state
    failed = f"{circuit.failures} calls in a row have failed." if circuit.failures > 1 else "The last call has failed."
    moment = timezone.localtime(circuit.next_try_at) if circuit.next_try_at else None
    match circuit.status:
        case CircuitStatus.OPEN:
            reason = failed if circuit.failures else "The PMS has asked us to wait."
            return f"{reason} It is not called until {moment:%H:%M:%S}, and then once, as a trial."
        case CircuitStatus.HALF_OPEN:
            return f"{failed if circuit.failures else 'The PMS had asked us to wait.'} One call is being tried."
    words = ["The PMS is called."]
    if circuit.failures:
        words.append(failed)
    if moment is not None and moment > timezone.now():
        words.append(f"It has asked us to wait until {moment:%H:%M:%S}.")
    return " ".join(words)
