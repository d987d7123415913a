"""Facts to announce in tests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from django.db import transaction

from pms_backend.events import services
from pms_backend.events.domain_events import DomainEvent
from pms_backend.events.models import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingHappened(DomainEvent):
    """Something happened to a thing."""

    type: ClassVar[str] = "thing.happened"
    thing: str

    @property
    def subject(self) -> str:
        """`thing:NAME`."""
        return f"thing:{self.thing}"


class ThingMoved(ThingHappened):
    """A thing moved."""

    type: ClassVar[str] = "thing.moved"


class OtherHappened(ThingHappened):
    """Something else happened."""

    type: ClassVar[str] = "other.happened"


def happen(*things: str, kind: type[ThingHappened] = ThingHappened) -> None:
    """Records one event for each thing, in one transaction."""
    with transaction.atomic():
        services.record(*(kind(thing=thing) for thing in things))


def feed() -> list[tuple[int | None, str]]:
    """What is recorded, as (sequence, subject), in the order of recording."""
    return list(Event.objects.order_by("id").values_list("sequence", "subject"))


class Lost(Exception):
    """Somebody's transaction came to nothing."""


def lose(work: Callable[[], object]) -> None:
    """Does the work in a transaction that is rolled back."""
    with transaction.atomic():
        work()
        raise Lost
