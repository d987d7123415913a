"""The hub: one reader of the feed for all the sockets of a process.

It reads the published `stock.changed` events in their order from PostgreSQL, when the bell rings and every two seconds
without one, and hands them to the connections in memory. What it has not read it has not skipped: Redis, the relay and
the hub itself may restart at any instant.
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
from inventory.subscribers import Change, Subscriber
from pms_backend import metrics
from pms_backend.access.caller import Caller
from pms_backend.access.credentials import revalidate, unexpired
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.sockets import CLOSE_NOT_AUTHENTICATED, may_watch
from pms_backend.api.async_database import Reader, read
from pms_backend.api.renderers import to_json
from pms_backend.events.models import Event, head_sequence
from products.skus import sku_key

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
READ_LIMIT = 500
TICK_SECONDS = 1.0
# RFC 6455's registry: the service restarts; whoever comes again gets a snapshot.
CLOSE_RESTART = 1012


class Hub:
    """Reads the feed behind `sequence` and fans it out."""

    def __init__(self) -> None:
        self.sequence = 0
        self._subscribers: dict[Subscriber, float] = {}
        self._wake = asyncio.Event()
        self._read_up = asyncio.Condition()
        # A thread of its own: it never waits for snapshots.
        self._reader = Reader(threads=1)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins at the head of the feed."""
        self.sequence = await self._reader.read(head_sequence)
        jobs = (self._read_forever, self._listen_forever, self._beat_forever, self._recheck_forever)
        self._tasks = [asyncio.create_task(job()) for job in jobs]

    @contextlib.contextmanager
    def subscriber(self, caller: Caller) -> Iterator[Subscriber]:
        """A connection's place in the hub, for as long as it lasts."""
        subscriber = Subscriber(caller)
        self._subscribers[subscriber] = _now() + HEARTBEAT_SECONDS
        metrics.socket_connections.inc()
        try:
            yield subscriber
        finally:
            self.forget(subscriber)
            metrics.socket_connections.dec()

    def forget(self, subscriber: Subscriber) -> None:
        """Offers nothing more to a connection that is being closed."""
        self._subscribers.pop(subscriber, None)

    async def catch_up(self, sequence: int) -> None:
        """Returns when `sequence` has been handed out, or cannot be read at present."""
        if self.sequence >= sequence:
            return
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS), self._read_up:
                await self._read_up.wait_for(lambda: self.sequence >= sequence)

    async def _read_forever(self) -> None:
        while True:
            try:
                while await self._read_once() == READ_LIMIT:
                    continue
            except Error:
                # Any of them: a lost connection is an InterfaceError, which is no DatabaseError.
                logger.warning("The feed cannot be read; the hub goes on where it stopped", exc_info=True)
            except Exception:
                logger.exception("The hub failed; it tries again where it stopped")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            self._wake.clear()

    async def _read_once(self) -> int:
        changes, newest, moment = await self._reader.read(_changes_after, self.sequence)
        if newest < self.sequence:
            self._begin_anew(newest)
        # From here to the new sequence nothing is awaited: what has been handed out is complete up to it, always.
        for change in changes:
            for subscriber in self._subscribers:
                subscriber.offer(change)
        self.sequence = newest
        if moment is not None:
            metrics.socket_delay_seconds.observe(max(0.0, (timezone.now() - moment).total_seconds()))
        async with self._read_up:
            self._read_up.notify_all()
        return len(changes)

    def _begin_anew(self, head: int) -> None:
        logger.error("The feed ends at %s, before %s: a backup, it seems. All sockets begin anew", head, self.sequence)
        for subscriber in self._subscribers:
            subscriber.end(CLOSE_RESTART)

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
            except Exception:
                logger.exception("The bell cannot be heard; the hub looks by itself every %s s", POLL_SECONDS)
                await asyncio.sleep(POLL_SECONDS)

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = _now()
            for subscriber, due in self._subscribers.items():
                if due <= now:
                    subscriber.beat()
                    self._subscribers[subscriber] = now + HEARTBEAT_SECONDS

    async def _recheck_forever(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            asked = list(self._subscribers)
            callers = {subscriber.caller for subscriber in asked}
            try:
                good = await read(revalidate, callers) if callers else {}
            except Error:
                # Nothing new can be read and sent either, until it answers.
                logger.warning("The database does not answer: only what has expired is closed")
                good = {caller: caller for caller in unexpired(callers)}
            except Exception:
                logger.exception("Callers could not be looked at again")
                continue
            for subscriber in asked:
                caller = good.get(subscriber.caller)
                if caller is None or not may_watch(caller, INVENTORY_READ):
                    subscriber.end(CLOSE_NOT_AUTHENTICATED)


_hub: Hub | None = None
_starting = asyncio.Lock()


async def get_hub() -> Hub:
    """This process's hub, started by the first who asks. Raises the database's errors."""
    global _hub
    async with _starting:
        if _hub is None:
            metrics.forget_dead_processes()
            hub = Hub()
            await hub.start()
            _hub = hub
    return _hub


def _changes_after(sequence: int) -> tuple[list[Change], int, datetime | None]:
    """The next changes, up to which sequence that is all, and when the last of them happened."""
    # The head is read first: what is published meanwhile belongs to the next read.
    head = head_sequence()
    events = Event.objects.published_after(sequence).filter(type=STOCK_CHANGED, sequence__lte=head)[:READ_LIMIT]
    rows = events.values_list("sequence", "data__level", "occurred_at")
    changes, moment = [], None
    for number, level, moment in rows:  # noqa: B007 - of the last one
        text = f'{{"type":"stock.changed","sequence":{number},"level":{to_json(level).decode()}}}'
        changes.append(Change(number or 0, sku_key(level["sku"]), level["location"], text))
    return changes, changes[-1].sequence if len(changes) == READ_LIMIT else head, moment


def _now() -> float:
    return asyncio.get_running_loop().time()
