"""The subscriptions of each connection, and the changes that it is sent at once or has still to be sent."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from websockets.frames import Frame, Opcode

from inventory.messages import BadMessage, Selection
from inventory.socket_limits import MAX_LOCATIONS, MAX_SKUS, MAX_UNREAD_CHANGES, WRITE_BYTES
from pms_backend.access.caller import Caller

CLOSE_TOO_SLOW = 4008


def text_frame(message: bytes) -> bytes:
    """The WebSocket frame of a text, the same for every client: servers do not mask."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)


def heartbeat(sequence: int) -> bytes:
    """The message that a connection is complete up to the sequence."""
    return b'{"type":"heartbeat","sequence":%d}' % sequence


@dataclass(frozen=True, slots=True)
class Change:
    """A published change of a level; every client is sent the same `message`, in the same `frame`."""

    sequence: int
    sku_key: str
    location: str
    message: bytes
    frame: bytes

    @classmethod
    def of(cls, sequence: int, sku_key: str, location: str, message: bytes) -> Self:
        """Makes the frame."""
        return cls(sequence, sku_key, location, message, text_frame(message))


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that are passed on together, in the order of the feed."""

    changes: Sequence[Change]
    sku_keys: frozenset[str]
    locations: frozenset[str]

    @classmethod
    def of(cls, changes: Sequence[Change]) -> Self:
        """Collects what the changes are about."""
        sku_keys = frozenset(change.sku_key for change in changes)
        return cls(changes, sku_keys, frozenset(change.location for change in changes))


@dataclass(slots=True)
class Subscriptions:
    """All that a connection has subscribed to; a change matches when one of the subscriptions does."""

    everything: bool = False
    # Locations of which every SKU is subscribed to.
    locations: set[str] = field(default_factory=set)
    # The locations of each SKU; None for every location.
    skus: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def matching(self, batch: Batch) -> Sequence[Change]:
        """The changes that the connection has subscribed to."""
        if self.everything:
            return batch.changes
        # A connection that watches nothing of the batch, as most do, costs no look at each change.
        if self.skus.keys().isdisjoint(batch.sku_keys) and self.locations.isdisjoint(batch.locations):
            return ()
        return [change for change in batch.changes if self._matches(change)]

    def _matches(self, change: Change) -> bool:
        if change.location in self.locations:
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


def _cannot_write(_: bytes) -> bool:
    return False


def _start_nothing() -> None:
    pass


@dataclass(eq=False, slots=True)
class Subscriber:
    """A connection, as the hub sees it.

    What the hub passes on is written at once, without a task, as long as the client reads; else it waits in `unread`
    for a task of the connection.
    """

    caller: Caller
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    unread: deque[Change] = field(default_factory=deque)
    heartbeat_due: bool = False
    # The code with which the connection has to be closed.
    close_code: int | None = None
    # A task of the connection holds it while it sends, so that nothing overtakes what it sends.
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Writes whole frames without waiting; returns False, and writes nothing, where that is not possible.
    write: Callable[[bytes], bool] = _cannot_write
    # Has a task send what is unread or due, or close the connection.
    start_sending: Callable[[], None] = _start_nothing

    def pass_on(self, batch: Batch) -> int:
        """Writes or queues the changes that it has subscribed to; returns how many were written.

        Without room for them, ends the connection.
        """
        wanted = self.subscriptions.matching(batch)
        if not wanted or self.close_code is not None:
            return 0
        is_idle = self._is_idle
        self.unread.extend(wanted)
        written = self.write_unread() if is_idle else 0
        if len(self.unread) > MAX_UNREAD_CHANGES:
            self.end(CLOSE_TOO_SLOW)
        elif self.unread:
            self.start_sending()
        return written

    def write_unread(self) -> int:
        """Writes the first unread changes together, about `WRITE_BYTES`; returns how many, or 0 if it cannot."""
        frames, size = [], 0
        for change in self.unread:
            frames.append(change.frame)
            size += len(change.frame)
            if size >= WRITE_BYTES:
                break
        if not self.write(b"".join(frames)):
            return 0
        for _ in frames:
            self.unread.popleft()
        return len(frames)

    def send_heartbeat(self, frame: bytes) -> None:
        """Writes a heartbeat, or has one sent after what is unread."""
        if not (self._is_idle and self.write(frame)):
            self.heartbeat_due = True
            self.start_sending()

    def end(self, code: int) -> None:
        """Has the connection closed, and drops the changes that it has not been sent."""
        if self.close_code is None:
            self.close_code = code
            self.unread.clear()
            self.start_sending()

    @property
    def _is_idle(self) -> bool:
        """Whether all that was passed on before has been written."""
        return not self.unread and not self.sending.locked()
