"""What a receiver could not take: put aside, so that it blocks nobody."""

from collections.abc import Iterable, Mapping
from typing import Final

from pms_backend import metrics
from pms_backend.events.models import Event, ParkedEvent

MAX_ERROR_LENGTH: Final = 2_000
NOT_TRIED: Final = "It has not been given to this receiver yet."


def park(receiver: str, failures: Mapping[Event, Exception | None]) -> None:
    """Puts events aside for a receiver, each with what it failed with; with nothing where it was not tried alone."""
    ParkedEvent.objects.bulk_create(
        ParkedEvent(event=event, receiver=receiver, attempts=0 if error is None else 1, last_error=describe(error))
        for event, error in failures.items()
    )


def park_untried(receivers: Iterable[str], event: Event) -> None:
    """Puts an event aside for each of the receivers, to be given to one at a time."""
    for receiver in receivers:
        park(receiver, {event: None})


def describe(error: Exception | None) -> str:
    """An error as people read it."""
    if error is None:
        return NOT_TRIED
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH].replace("\x00", "")


def count_parked() -> None:
    """Tells the metrics how many are put aside."""
    metrics.events_parked.set(ParkedEvent.objects.unresolved().count())
