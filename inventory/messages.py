"""The messages of clients on `/ws/stock/`: a dataclass for each action."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from inventory.socket_limits import MAX_LOCATIONS, MAX_MESSAGE_BYTES, MAX_SKUS
from pms_backend.api.parsers import InvalidJSON, load_json
from pms_backend.api.renderers import MAX_INTEGER
from products.skus import as_sku_key


class BadMessage(Exception):
    """A message that is not valid; its connection stays open."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Selection:
    """The levels of these SKUs (by SKU key) at these locations; None stands for any."""

    skus: frozenset[str] | None = None
    locations: frozenset[str] | None = None

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """Reads `skus`, `locations` and `all`. Raises `BadMessage`."""
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
    """Sends a snapshot of these levels and their changes from now on; after a sequence, only levels changed since."""

    selection: Selection
    after: int | None

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """Reads the message. Raises `BadMessage`."""
        after = message.get("after")
        if after is not None and not (type(after) is int and 0 <= after <= MAX_INTEGER):
            raise BadMessage("malformed", "`after` is the sequence of a message: a whole number.")
        return cls(Selection.read(message), after)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Ends the subscription to these levels."""

    selection: Selection

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """Reads the message. Raises `BadMessage`."""
        return cls(Selection.read(message))


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a `pong`."""

    @classmethod
    def read(cls, _: Mapping[str, Any]) -> Self:
        """Ignores every other member."""
        return cls()


Message = Subscribe | Unsubscribe | Ping
ACTIONS: Final[dict[str, type[Message]]] = {"subscribe": Subscribe, "unsubscribe": Unsubscribe, "ping": Ping}


def parse(text: str | None) -> Message:
    """Parses one message of a client; `text` is None for a binary one. Raises `BadMessage`."""
    message = _load(text)
    action = message.get("action")
    kind = ACTIONS.get(action) if isinstance(action, str) else None
    if kind is None:
        raise BadMessage("unknown_action", f"Actions are {', '.join(ACTIONS)}.")
    return kind.read(message)


def _load(text: str | None) -> dict[str, Any]:
    if text is None:
        raise BadMessage("malformed", "A message is a text, not bytes.")
    # Cheaper than counting bytes, and never stricter.
    if len(text) > MAX_MESSAGE_BYTES:
        raise BadMessage("too_large", f"A message has at most {MAX_MESSAGE_BYTES} bytes.")
    try:
        message = load_json(text)
    except InvalidJSON as error:
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
    # An empty list counts as left out.
    return frozenset(names) or None
