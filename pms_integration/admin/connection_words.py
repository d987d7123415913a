"""The state of a connection as sentences: its calls, its last error, and what waits to be pushed."""

from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pms_backend.outbound.circuit import CircuitStatus
from pms_integration.models import PMSConnection

# Of an error, in the list.
MAX_LISTED_CHARACTERS: Final = 120


def state_in_words(connection: Any, *, error_characters: int | None = None) -> str:
    """The state of a row of `with_waiting`; of its error so many characters."""
    words = [circuit_in_words(connection)]
    if connection.is_called:
        heard = connection.last_contact_at
        words.append(_("Last heard %(age)s ago.") % {"age": _age(heard)} if heard else _("It has not answered yet."))
        if connection.last_error:
            error = _shortened(connection.last_error, error_characters)
            end = "" if error.endswith((".", "…")) else "."
            words.append(_("The last error: %(error)s") % {"error": error} + end)
    if connection.is_paused:
        words.append(_("Paused by staff: nothing is pushed."))
    return " ".join((*words, waiting_in_words(connection))).strip()


def circuit_in_words(connection: PMSConnection) -> str:
    """Whether the PMS is called, and if not, until when and why."""
    if connection.base_url is None:
        return _("The PMS is not called: it only sends webhooks.")
    if not connection.is_active:
        return _("The PMS is not called: the connection is switched off.")
    circuit = connection.circuit_state
    failed = (
        _("%(count)s calls in a row have failed.") % {"count": number_format(circuit.failures)}
        if circuit.failures > 1
        else _("The last call has failed.")
    )
    moment = timezone.localtime(circuit.next_try_at) if circuit.next_try_at else None
    match circuit.status:
        case CircuitStatus.OPEN:
            reason = failed if circuit.failures else _("The PMS has asked us to wait.")
            until = _("It is not called until %(moment)s, and then once, as a trial.")
            return f"{reason} {until % {'moment': f'{moment:%H:%M:%S %Z}'}}"
        case CircuitStatus.HALF_OPEN:
            reason = failed if circuit.failures else _("The PMS had asked us to wait.")
            return f"{reason} {_('One call is being tried.')}"
    words = [_("The PMS is called.")]
    if circuit.failures:
        words.append(failed)
    elif connection.last_error:
        words.append(_("It has refused the last call."))
    if moment is not None and moment > timezone.now():
        words.append(_("It has asked us to wait until %(moment)s.") % {"moment": f"{moment:%H:%M:%S %Z}"})
    return " ".join(words)


def waiting_in_words(connection: Any) -> str:
    """What waits to be pushed to a PMS, and what it has refused; nothing of a PMS that only sends webhooks."""
    if connection.base_url is None:
        return ""
    words = []
    if count := connection.waiting_products:
        text = ngettext(
            "%(count)s product waits to be pushed, for %(age)s.",
            "%(count)s products wait to be pushed, the oldest for %(age)s.",
            count,
        )
        words.append(text % {"count": number_format(count), "age": _age(connection.oldest_product)})
    if count := connection.waiting_stock:
        text = ngettext(
            "%(count)s stock change waits to be pushed, for %(age)s.",
            "%(count)s stock changes wait to be pushed, the oldest for %(age)s.",
            count,
        )
        words.append(text % {"count": number_format(count), "age": _age(connection.oldest_stock)})
    words = words or [_("Nothing waits to be pushed.")]
    if count := connection.refused_products:
        text = ngettext("The PMS has refused %(count)s product.", "The PMS has refused %(count)s products.", count)
        words.append(text % {"count": number_format(count)})
    return " ".join(words)


def _age(moment: datetime) -> str:
    """How long ago, as "5 minutes"; Django joins the number and the unit by a no-break space."""
    return timesince(moment, depth=1).replace("\xa0", " ")


def _shortened(text: str, characters: int | None) -> str:
    return text if characters is None or len(text) <= characters else f"{text[:characters]}…"
