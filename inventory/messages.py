"""What clients say on `/ws/stock/`: each action is a dataclass that reads itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from inventory.socket_limits import MAX_LOCATIONS, MAX_MESSAGE_BYTES, MAX_SKUS
from pms_backend.api.parsers import NotJSON, load_json
from pms_backend.api.renderers import MAX_INTEGER
from products.skus import as_sku_key


class BadMessage(Exception):
    """A message that cannot be obeyed; its connection lives on."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Wanted:
    """Levels: those of these SKUs (by their keys) at these locations. None stands for any."""

    skus: frozenset[str] | None = None
    locations: frozenset[str] | None = None

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """As `skus`, `locations` and `all` say. Raises `BadMessage`."""
        skus, locations, everything = message.get("skus"), message.get("locations"), message.get("all", False)
        if not isinstance(everything, bool):
            raise BadMessage("malformed", "`all` is true or false.")
        if not (skus or locations or everything):
            raise BadMessage("malformed", 'Say which: `skus`, `locations`, or `"all": true`.')
        names = _names("skus", skus, MAX_SKUS), _names("locations", locations, MAX_LOCATIONS)
        if everything:
            return cls()
        return cls(names[0] and frozenset(key for sku in names[0] if (key := as_sku_key(sku))), names[1])


@dataclass(frozen=True, slots=True)
class Subscribe:
    """From now on tell me of these, and how they are; with `after`, only which have changed since then."""

    wanted: Wanted
    after: int | None

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """Raises `BadMessage`."""
        after = message.get("after")
        if after is not None and not (type(after) is int and 0 <= after <= MAX_INTEGER):
            raise BadMessage("malformed", "`after` is the sequence of a message: a whole number.")
        return cls(Wanted.read(message), after)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Tell me no more of these."""

    wanted: Wanted

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """Raises `BadMessage`."""
        return cls(Wanted.read(message))


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""

    @classmethod
    def read(cls, _: Mapping[str, Any]) -> Self:
        """Whatever else it says."""
        return cls()


Message = Subscribe | Unsubscribe | Ping
ACTIONS: Final[dict[str, type[Message]]] = {"subscribe": Subscribe, "unsubscribe": Unsubscribe, "ping": Ping}


def parse(text: str | None) -> Message:
    """One message of a client; none where it was no text. Raises `BadMessage`."""
    message = _load(text)
    action = message.get("action")
    kind = ACTIONS.get(action) if isinstance(action, str) else None
    if kind is None:
        raise BadMessage("unknown_action", f"Actions are {', '.join(ACTIONS)}.")
    return kind.read(message)


def _load(text: str | None) -> dict[str, Any]:
    if text is None:
        raise BadMessage("malformed", "A message is a text, not bytes.")
    # Fewer characters than bytes are never too many.
    if len(text) > MAX_MESSAGE_BYTES:
        raise BadMessage("too_large", f"A message has at most {MAX_MESSAGE_BYTES} bytes.")
    try:
        message = load_json(text)
    except NotJSON as error:
        raise BadMessage("malformed", f"A message {error}.") from None
    if not isinstance(message, dict):
        raise BadMessage("malformed", "A message is a JSON object.")
    return message


def _names(field: str, names: Any, limit: int) -> frozenset[str] | None:
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadMessage("malformed", f"`{field}` is a list of texts.")
    if len(names) > limit:
        raise BadMessage(f"too_many_{field}", f"A connection subscribes to at most {limit} {field}.")
    # An empty list says nothing, as if it were left out.
    return frozenset(names) or None
