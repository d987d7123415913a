"""The state of a connection as sentences: its calls, its last error, and what waits to be pushed."""

from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.timesince import timesince

from pms_backend.outbound.circuit import CircuitStatus
from pms_integration.models import PMSConnection

# Of an error, in the list.
MAX_LISTED_CHARACTERS: Final = 120


def state_in_words(connection: Any, *, error_characters: int | None = None) -> str:
    """The state of a row of `with_waiting`; of its error so many characters."""
    words = [circuit_in_words(connection)]
    if connection.is_called:
        heard = connection.last_contact_at
        words.append(f"Last heard {_age(heard)} ago." if heard else "It has not answered yet.")
        if connection.last_error:
            error = _shortened(connection.last_error, error_characters)
            words.append(f"The last error: {error}{'' if error.endswith(('.', '…')) else '.'}")
    if connection.is_paused:
        words.append("Paused by staff: nothing is pushed.")
    return " ".join((*words, waiting_in_words(connection))).strip()


def circuit_in_words(connection: PMSConnection) -> str:
    """Whether the PMS is called, and if not, until when and why."""
    if connection.base_url is None:
        return "The PMS is not called: it only sends webhooks."
    if not connection.is_active:
        return "The PMS is not called: the connection is switched off."
    circuit = connection.circuit_state
    failed = f"{circuit.failures} calls in a row have failed." if circuit.failures > 1 else "The last call has failed."
    moment = timezone.localtime(circuit.next_try_at) if circuit.next_try_at else None
    match circuit.status:
        case CircuitStatus.OPEN:
            reason = failed if circuit.failures else "The PMS has asked us to wait."
            return f"{reason} It is not called until {moment:%H:%M:%S %Z}, and then once, as a trial."
        case CircuitStatus.HALF_OPEN:
            return f"{failed if circuit.failures else 'The PMS had asked us to wait.'} One call is being tried."
    words = ["The PMS is called."]
    if circuit.failures:
        words.append(failed)
    elif connection.last_error:
        words.append("It has refused the last call.")
    if moment is not None and moment > timezone.now():
        words.append(f"It has asked us to wait until {moment:%H:%M:%S %Z}.")
    return " ".join(words)


def waiting_in_words(connection: Any) -> str:
    """What waits to be pushed to a PMS, and what it has refused; nothing of a PMS that only sends webhooks."""
    if connection.base_url is None:
        return ""
    products, stock = connection.waiting_products or 0, connection.waiting_stock or 0
    named = " and ".join(
        _counted(count, noun) for count, noun in ((products, "product"), (stock, "stock change")) if count
    )
    if named:
        oldest = min(moment for moment in (connection.oldest_product, connection.oldest_stock) if moment)
        waiting = f"{named} {'waits' if products + stock == 1 else 'wait'} to be pushed, the oldest for {_age(oldest)}."
    else:
        waiting = "Nothing waits to be pushed."
    refused = connection.refused_products or 0
    return f"{waiting} The PMS has refused {_counted(refused, 'product')}." if refused else waiting


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _age(moment: datetime) -> str:
    """How long ago, as "5 minutes"; Django joins the number and the unit by a no-break space."""
    return timesince(moment, depth=1).replace("\xa0", " ")


def _shortened(text: str, characters: int | None) -> str:
    return text if characters is None or len(text) <= characters else f"{text[:characters]}…"
