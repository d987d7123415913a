"""The base of what an app announces: each type of event is a frozen dataclass in that app's `events.py`."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, Final

_types: Final[set[str]] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Something that happened, before it is recorded. A subclass has a `type`; its fields are the payload."""

    type: ClassVar[str]

    def __init_subclass__(cls, *, type: str | None = None) -> None:  # noqa: A002 - the event's term
        """Sets the type of a subclass: `class StockLow(StockEvent, type="stock.low")`."""
        if type is not None:
            cls.type = type
            _types.add(type)

    @property
    def subject(self) -> str:
        """What it happened to, as `kind:name`. The events of one subject are in the order of its commits."""
        raise AttributeError(f"{type(self).__name__} names no subject")

    @property
    def generations(self) -> tuple[str, ...]:
        """The cache generations that this change makes stale (pms_backend/api/cache_generations.py)."""
        return ()

    def data(self) -> dict[str, Any]:
        """The payload, in JSON's types: the fields of the dataclass, as `docs/events.md` describes them."""
        return {name: getattr(self, name) for name in _payload_fields(type(self))}  # type: ignore[arg-type]  # classes have a hash


def event_types() -> list[str]:
    """The types of all events that the loaded apps record, sorted."""
    return sorted(_types)


@cache
def _payload_fields(kind: type[DomainEvent]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
