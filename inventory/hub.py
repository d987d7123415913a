"""The hub: one reader of the feed for all the sockets of a process.

It reads the published `stock.changed` events in their order from PostgreSQL, when the bell rings and every two seconds
without one, and hands them to the connections in memory. What it has not read it has not skipped: Redis, the relay and
the hub itself may restart at any instant.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import Error, close_old_connections
from redis.exceptions import RedisError

from inventory.events import STOCK_CHANGED
from inventory.receivers import HUB_GROUP
from pms_backend.events.models import Event, head_sequence
from products.skus import sku_key

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
READ_LIMIT = 500
# A client that has this much unread is too slow to be told the truth: it is closed and may resume.
MAX_UNREAD_MESSAGES = 20_000
HEARTBEAT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """A published change of a level."""

    sequence: int
    sku_key: str
    location: str
    level: dict[str, Any]


@dataclass(eq=False, slots=True)
class Subscriber:
    """What one connection wants, and what it has not been sent yet."""

    skus: set[str] = field(default_factory=set)
    locations: set[str] = field(default_factory=set)
    wants_all: bool = False
    unread: "asyncio.Queue[Change]" = field(default_factory=lambda: asyncio.Queue(MAX_UNREAD_MESSAGES))
    is_slow: bool = False

    def wants(self, change: Change) -> bool:
        """Whether the change is one that was subscribed to."""
        if self.wants_all:
            return True
        if not self.skus and not self.locations:
            return False
        sku_fits = not self.skus or change.sku_key in self.skus
        return sku_fits and (not self.locations or change.location in self.locations)

    def offer(self, change: Change) -> None:
        """Queues a change; marks the connection as slow where it has no room."""
        try:
            self.unread.put_nowait(change)
        except asyncio.QueueFull:
            self.is_slow = True


class Hub:
    """Reads the feed behind `sequence` and fans it out."""

    def __init__(self) -> None:
        self.sequence = 0
        self._subscribers: set[Subscriber] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins at the head of the feed."""
        self.sequence = await read(head_sequence)
        self._tasks = [asyncio.create_task(self._read_forever()), asyncio.create_task(self._listen_forever())]

    @contextlib.asynccontextmanager
    async def subscriber(self) -> AsyncIterator[Subscriber]:
        """A connection's place in the hub, for as long as it lasts."""
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    async def _read_forever(self) -> None:
        while True:
            try:
                while await self._read_once() == READ_LIMIT:
                    continue
            except Error:
                # Any of them: a lost connection is an InterfaceError, which is no DatabaseError.
                logger.warning("The feed cannot be read; the hub goes on where it stopped", exc_info=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            self._wake.clear()

    async def _read_once(self) -> int:
        rows, newest = await read(_changes_after, self.sequence)
        for change in rows:
            for subscriber in self._subscribers:
                if subscriber.wants(change):
                    subscriber.offer(change)
        self.sequence = newest
        return len(rows)

    async def _listen_forever(self) -> None:
        layer = get_channel_layer()
        channel = None
        while True:
            try:
                channel = channel or await layer.new_channel("hub")
                await layer.group_add(HUB_GROUP, channel)
                async with asyncio.timeout(POLL_SECONDS):
                    await layer.receive(channel)
                self._wake.set()
            except TimeoutError:
                continue
            except (RedisError, OSError):
                logger.warning("Redis does not answer; the hub looks by itself every %s s", POLL_SECONDS)
                await asyncio.sleep(POLL_SECONDS)


_hub: Hub | None = None
_starting = asyncio.Lock()


async def get_hub() -> Hub:
    """This process's hub, started by the first who asks."""
    global _hub
    async with _starting:
        if _hub is None:
            hub = Hub()
            await hub.start()
            _hub = hub
    return _hub


def _changes_after(sequence: int) -> tuple[list[Change], int]:
    # The head is read first: what is published meanwhile belongs to the next read.
    head = head_sequence()
    events = Event.objects.published_after(sequence).filter(type=STOCK_CHANGED, sequence__lte=head)[:READ_LIMIT]
    changes = [
        Change(number or 0, sku_key(data["level"]["sku"]), data["level"]["location"], data["level"])
        for number, data in events.values_list("sequence", "data")
    ]
    return changes, changes[-1].sequence if len(changes) == READ_LIMIT else head


async def read(function: Any, *arguments: Any) -> Any:
    """Runs a database read beside the event loop, on a connection that is looked after."""

    def looked_after() -> Any:
        close_old_connections()
        try:
            return function(*arguments)
        finally:
            close_old_connections()

    return await sync_to_async(looked_after)()
