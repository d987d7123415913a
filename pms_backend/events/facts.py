"""What an app announces: each type of event is a frozen dataclass in that app's `events.py`."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened, before it is recorded. Subclasses name their `type` and hold their payload."""

    type: ClassVar[str]

    @property
    def subject(self) -> str:
        """What it happened to, as `kind:name`; the events of one subject are in the order of its commits."""
        raise AttributeError(f"{type(self).__name__} names no subject")

    @property
    def generations(self) -> tuple[str, ...]:
        """What kept answers are made of and this has changed: the names of `pms_backend/api/generations.py`."""
        return ()

    def data(self) -> dict[str, Any]:
        """The payload, in JSON's types. It is frozen when it is recorded."""
        raise AttributeError(f"{type(self).__name__} has no payload")
