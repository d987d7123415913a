"""Parking: events for which a receiver failed are set aside, so that they block nobody."""

from collections.abc import Iterable, Mapping
from typing import Final

from pms_backend.events.models import Event, ParkedEvent

MAX_ERROR_LENGTH: Final = 2_000
NOT_TRIED: Final = "Not dispatched to this receiver yet."


def park(receiver: str, failures: Mapping[Event, Exception | None]) -> None:
    """Parks events for a receiver, each with its error, or None where it was not dispatched alone."""
    ParkedEvent.objects.bulk_create(
        ParkedEvent(event=event, receiver=receiver, attempts=0 if error is None else 1, last_error=describe(error))
        for event, error in failures.items()
    )


def park_untried(receivers: Iterable[str], event: Event) -> None:
    """Parks an event for each of the receivers, which are called later, one at a time."""
    for receiver in receivers:
        park(receiver, {event: None})


def describe(error: Exception | None) -> str:
    """The text of an error for `last_error`."""
    if error is None:
        return NOT_TRIED
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH].replace("\x00", "")
