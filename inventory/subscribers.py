"""The subscriptions of each connection, and the changes that it has still to be sent."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from inventory.messages import BadMessage, Selection
from inventory.socket_limits import MAX_LOCATIONS, MAX_SKUS, MAX_UNREAD_CHANGES
from pms_backend.access.caller import Caller

CLOSE_TOO_SLOW = 4008


@dataclass(frozen=True, slots=True)
class Change:
    """A published change of a level; every client is sent the same `message`."""

    sequence: int
    sku_key: str
    location: str
    message: str


@dataclass(slots=True)
class Subscriptions:
    """All that a connection has subscribed to; a change matches when one of the subscriptions does."""

    everything: bool = False
    # Locations of which every SKU is subscribed to.
    locations: set[str] = field(default_factory=set)
    # The locations of each SKU; None for every location.
    skus: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def matches(self, change: Change) -> bool:
        """Whether the connection has subscribed to the change."""
        if self.everything or change.location in self.locations:
            return True
        if change.sku_key not in self.skus:
            return False
        locations = self.skus[change.sku_key]
        return locations is None or change.location in locations

    def add(self, selection: Selection) -> None:
        """Adds a subscription. Raises `BadMessage` where it would be too many."""
        self._require_room(selection)
        if selection.skus is None:
            self.everything |= selection.locations is None
            self.locations |= selection.locations or set()
            return
        for sku in selection.skus:
            known = self.skus.get(sku, frozenset())
            if known is None or selection.locations is None:
                self.skus[sku] = None
            else:
                # The SKUs of a message share one set of locations, to save memory.
                self.skus[sku] = known | selection.locations if known else selection.locations

    def remove(self, selection: Selection) -> None:
        """Removes all, some locations of every SKU, or some SKUs at every location or at the named ones."""
        if selection.skus is None:
            if selection.locations is None:
                self.everything = False
                self.locations.clear()
                self.skus.clear()
            self.locations -= selection.locations or set()
            return
        for sku in selection.skus & self.skus.keys():
            locations = self.skus[sku]
            if selection.locations is None or (locations is not None and locations <= selection.locations):
                del self.skus[sku]
            elif locations is not None:
                self.skus[sku] = locations - selection.locations

    def _require_room(self, selection: Selection) -> None:
        if len(self.skus.keys() | (selection.skus or set())) > MAX_SKUS:
            raise BadMessage("too_many_skus", f"A connection subscribes to at most {MAX_SKUS} SKUs.")
        known = self.locations.union(*(locations for locations in self.skus.values() if locations))
        if len(known | (selection.locations or set())) > MAX_LOCATIONS:
            raise BadMessage("too_many_locations", f"A connection subscribes to at most {MAX_LOCATIONS} locations.")


@dataclass(eq=False, slots=True)
class Subscriber:
    """A connection, as the hub sees it."""

    caller: Caller
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    unread: deque[Change] = field(default_factory=deque)
    heartbeat_due: bool = False
    # The code with which the connection has to be closed.
    close_code: int | None = None
    # Set when there is something to send, or the connection has to be closed.
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def queue(self, change: Change) -> None:
        """Queues a change that it has subscribed to; without room for it, ends the connection."""
        if not self.subscriptions.matches(change):
            return
        if len(self.unread) >= MAX_UNREAD_CHANGES:
            self.end(CLOSE_TOO_SLOW)
        elif self.close_code is None:
            self.unread.append(change)
            self.wake.set()

    def end(self, code: int) -> None:
        """Has the connection closed, and drops the changes that it has not been sent."""
        if self.close_code is None:
            self.close_code = code
            self.unread.clear()
            self.wake.set()

    def request_heartbeat(self) -> None:
        """Has a heartbeat sent."""
        self.heartbeat_due = True
        self.wake.set()
