"""The hub: one reader of the feed for all the sockets of a process.

It reads the published `stock.changed` events in their order from PostgreSQL, at every wake-up and at least every two
seconds, and passes them to the connections in memory. It skips no event: its position is a sequence of the feed, so
Redis and the relay may restart at any instant.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from datetime import datetime

from channels.layers import get_channel_layer
from django.db import Error
from django.utils import timezone
from redis.exceptions import RedisError

from inventory.events import STOCK_CHANGED
from inventory.receivers import HUB_GROUP
from inventory.socket_limits import HEARTBEAT_SECONDS, RECHECK_SECONDS
from inventory.subscribers import Batch, Change, Subscriber, heartbeat, text_frame
from pms_backend import metrics
from pms_backend.access.caller import Caller
from pms_backend.access.credentials import revalidate, unexpired
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.sockets import CLOSE_NOT_AUTHENTICATED, may_watch
from pms_backend.api import context
from pms_backend.api.async_database import Reader, read
from pms_backend.api.renderers import to_json
from pms_backend.events.models import Event, FeedHead, head_sequence
from products.skus import sku_key

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
READ_LIMIT = 500
TICK_SECONDS = 1.0
# Registered with IANA for RFC 6455: the service restarts; a client that connects again gets a snapshot.
CLOSE_RESTART = 1012


class Hub:
    """Reads the events after `sequence` and passes each to every connection."""

    def __init__(self) -> None:
        self.sequence = 0
        self._subscribers: dict[Subscriber, float] = {}
        self._wake = asyncio.Event()
        self._caught_up = asyncio.Condition()
        # Reads in a thread of its own, so that it never waits for snapshots.
        self._reader = Reader(threads=1)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Starts at the newest sequence of the feed."""
        self.sequence = await self._reader.read(head_sequence)
        jobs = (self._read_feed, self._listen_for_wake_ups, self._send_heartbeats, self._recheck_callers)
        self._tasks = [asyncio.create_task(job()) for job in jobs]

    @contextlib.contextmanager
    def subscriber(self, caller: Caller) -> Iterator[Subscriber]:
        """Registers a connection with the hub while the context lasts."""
        subscriber = Subscriber(caller)
        self._subscribers[subscriber] = _now() + HEARTBEAT_SECONDS
        metrics.socket_connections.inc()
        try:
            yield subscriber
        finally:
            self.remove(subscriber)
            metrics.socket_connections.dec()

    def remove(self, subscriber: Subscriber) -> None:
        """Stops passing changes to a connection that is being closed."""
        self._subscribers.pop(subscriber, None)

    async def catch_up(self, sequence: int) -> None:
        """Returns when the events up to `sequence` have been passed on, or after `POLL_SECONDS`."""
        if self.sequence >= sequence:
            return
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS), self._caught_up:
                await self._caught_up.wait_for(lambda: self.sequence >= sequence)

    async def _read_feed(self) -> None:
        while True:
            try:
                while await self._read_once() == READ_LIMIT:
                    continue
            except Error:
                # A lost connection is an InterfaceError, which is not a DatabaseError.
                logger.warning("The feed cannot be read; the hub continues where it stopped", exc_info=True)
            except Exception:
                logger.exception("The hub failed; it continues where it stopped")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            self._wake.clear()

    async def _read_once(self) -> int:
        changes, newest, moment, is_restored = await self._reader.read(_changes_after, self.sequence)
        if is_restored:
            self._restart_sockets(newest)
        # Nothing is awaited until `sequence` is set: the changes passed on are always complete up to it.
        self._pass_on(changes)
        self.sequence = newest
        if moment is not None:
            metrics.socket_delay_seconds.observe(max(0.0, (timezone.now() - moment).total_seconds()))
        async with self._caught_up:
            self._caught_up.notify_all()
        return len(changes)

    def _pass_on(self, changes: list[Change]) -> None:
        batch = Batch.of(changes)
        written = sum(subscriber.pass_on(batch) for subscriber in self._subscribers)
        metrics.socket_messages_total.inc(written)

    def _restart_sockets(self, head: int) -> None:
        logger.error("A backup was restored: the feed lost %s, and is at %s. All sockets close", self.sequence, head)
        for subscriber in self._subscribers:
            subscriber.end(CLOSE_RESTART)

    async def _listen_for_wake_ups(self) -> None:
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
                logger.warning("Redis does not respond; the hub polls every %s s", POLL_SECONDS)
                await asyncio.sleep(POLL_SECONDS)
            except Exception:
                logger.exception("Wake-ups cannot be received; the hub polls every %s s", POLL_SECONDS)
                await asyncio.sleep(POLL_SECONDS)

    async def _send_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = _now()
            frame = text_frame(heartbeat(self.sequence))
            for subscriber, due in self._subscribers.items():
                if due <= now:
                    subscriber.send_heartbeat(frame)
                    self._subscribers[subscriber] = now + HEARTBEAT_SECONDS

    async def _recheck_callers(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            subscribers = list(self._subscribers)
            callers = {subscriber.caller for subscriber in subscribers}
            try:
                valid = await read(revalidate, callers) if callers else {}
            except Error:
                # Without the database no change is sent either.
                logger.warning("The database does not respond: only sockets with expired credentials are closed")
                valid = {caller: caller for caller in unexpired(callers)}
            except Exception:
                logger.exception("Callers could not be checked again")
                continue
            for subscriber in subscribers:
                caller = valid.get(subscriber.caller)
                if caller is None or not may_watch(caller, INVENTORY_READ):
                    subscriber.end(CLOSE_NOT_AUTHENTICATED)


_hub: Hub | None = None
_starting = asyncio.Lock()


async def get_hub() -> Hub:
    """The hub of this process, started at the first call. Raises the database's errors."""
    global _hub
    async with _starting:
        if _hub is None:
            hub = Hub()
            # Not that of the socket that comes first: the hub's tasks keep the context in which they begin.
            with context.bind():
                await hub.start()
            _hub = hub
    return _hub


def _changes_after(sequence: int) -> tuple[list[Change], int, datetime | None, bool]:
    """The next changes, the sequence up to which they are complete, the moment of the last, and if it is restored."""
    # The head is read first: events published after that belong to the next read.
    begins_after, head = FeedHead.objects.values_list("begins_after", "sequence").first() or (0, 0)
    events = Event.objects.published_after(sequence).filter(type=STOCK_CHANGED, sequence__lte=head)[:READ_LIMIT]
    rows = events.values_list("sequence", "data__level", "occurred_at")
    changes, moment = [], None
    for number, level, moment in rows:  # noqa: B007 - the last one is returned
        message = b'{"type":"stock.changed","sequence":%d,"level":%b}' % (number or 0, to_json(level))
        changes.append(Change.of(number or 0, sku_key(level["sku"]), level["location"], message))
    newest = changes[-1].sequence if len(changes) == READ_LIMIT else head
    return changes, newest, moment, not begins_after <= sequence <= head


def _now() -> float:
    return asyncio.get_running_loop().time()
