"""Receivers of published events, for the time of a test."""

from collections.abc import Callable, Iterator, Sequence

from pms_backend.events import services
from pms_backend.events.models import Event
from pms_backend.events.services import receiving

Receiver = Callable[[Sequence[Event]], None]
Receive = Callable[..., None]


def connecting() -> Iterator[Receive]:
    """Yields what connects receivers, and disconnects them in the end."""
    names = []

    def connect(name: str, receiver: Receiver, *, uses_database: bool = True) -> None:
        services.receive_published(name, receiver, uses_database=uses_database)
        names.append(name)

    yield connect
    for name in names:
        services.events_published.disconnect(dispatch_uid=name)
        receiving.receivers.pop(name, None)
