"""What each connection wants, and what it has not been sent yet."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from inventory.messages import BadMessage, Wanted
from inventory.socket_limits import MAX_LOCATIONS, MAX_SKUS, MAX_UNREAD_CHANGES
from pms_backend.access.caller import Caller

CLOSE_TOO_SLOW = 4008


@dataclass(frozen=True, slots=True)
class Change:
    """A published change of a level; `message` is what every client is sent of it, made once."""

    sequence: int
    sku_key: str
    location: str
    message: str


@dataclass(slots=True)
class Filter:
    """All that a connection has subscribed to. A change fits when one of its subscriptions does."""

    everything: bool = False
    # Of any SKU.
    locations: set[str] = field(default_factory=set)
    # The locations of each SKU; none where it is any.
    skus: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def fits(self, change: Change) -> bool:
        """Whether the change is one that was subscribed to."""
        if self.everything or change.location in self.locations:
            return True
        if change.sku_key not in self.skus:
            return False
        places = self.skus[change.sku_key]
        return places is None or change.location in places

    def add(self, wanted: Wanted) -> None:
        """One more subscription. Raises `BadMessage` where a connection may not have that many."""
        self._require_room(wanted)
        if wanted.skus is None:
            self.everything |= wanted.locations is None
            self.locations |= wanted.locations or set()
            return
        for sku in wanted.skus:
            known = self.skus.get(sku, frozenset())
            if known is None or wanted.locations is None:
                self.skus[sku] = None
            else:
                # One object for all the SKUs of a message, each of which may have as many locations.
                self.skus[sku] = known | wanted.locations if known else wanted.locations

    def remove(self, wanted: Wanted) -> None:
        """Less of it: all; some locations of any SKU; some SKUs, at any location or at those of the named."""
        if wanted.skus is None:
            if wanted.locations is None:
                self.everything = False
                self.locations.clear()
                self.skus.clear()
            self.locations -= wanted.locations or set()
            return
        for sku in wanted.skus & self.skus.keys():
            places = self.skus[sku]
            if wanted.locations is None or (places is not None and places <= wanted.locations):
                del self.skus[sku]
            elif places is not None:
                self.skus[sku] = places - wanted.locations

    def _require_room(self, wanted: Wanted) -> None:
        if len(self.skus.keys() | (wanted.skus or set())) > MAX_SKUS:
            raise BadMessage("too_many_skus", f"A connection subscribes to at most {MAX_SKUS} SKUs.")
        known = self.locations.union(*(places for places in self.skus.values() if places))
        if len(known | (wanted.locations or set())) > MAX_LOCATIONS:
            raise BadMessage("too_many_locations", f"A connection subscribes to at most {MAX_LOCATIONS} locations.")


@dataclass(eq=False, slots=True)
class Subscriber:
    """A connection's place in the hub."""

    caller: Caller
    filter: Filter = field(default_factory=Filter)
    unread: deque[Change] = field(default_factory=deque)
    heartbeat_due: bool = False
    # With which code it has to be closed.
    close_code: int | None = None
    # Set when there is something to do for whoever sends.
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, change: Change) -> None:
        """Queues a change that it wants; one that has no room for it is to be closed."""
        if not self.filter.fits(change):
            return
        if len(self.unread) >= MAX_UNREAD_CHANGES:
            self.end(CLOSE_TOO_SLOW)
        elif self.close_code is None:
            self.unread.append(change)
            self.wake.set()

    def end(self, code: int) -> None:
        """Has the connection closed, without what it has not read."""
        if self.close_code is None:
            self.close_code = code
            self.unread.clear()
            self.wake.set()

    def beat(self) -> None:
        """Has it sent a heartbeat."""
        self.heartbeat_due = True
        self.wake.set()
