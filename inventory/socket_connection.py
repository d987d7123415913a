"""One client of `/ws/stock/`: handles its messages, and sends it the changes that the hub queues."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

from django.db import Error

from inventory.hub import Hub
from inventory.messages import BadMessage, Message, Ping, Subscribe, Unsubscribe, parse
from inventory.slow_clients import MessageBudget, SendTimeout
from inventory.snapshots import read_snapshot
from inventory.socket_limits import CLOSE_SECONDS
from inventory.subscribers import CLOSE_TOO_SLOW, Subscriber
from pms_backend import metrics
from pms_backend.access.sockets import CLOSE_TRY_LATER
from pms_backend.api.async_database import read
from pms_backend.api.renderers import to_json
from pms_backend.events.models import head_sequence

logger = logging.getLogger(__name__)

# RFC 6455: 1008 is a policy violation, 1011 an internal error.
CLOSE_FLOOD: Final = 1008
CLOSE_FAILED: Final = 1011
# After so many messages in a row, other tasks may run.
MESSAGES_BEFORE_YIELD: Final = 100

ASGIEvent = MutableMapping[str, Any]
ASGISend = Callable[[ASGIEvent], Awaitable[None]]


class Connection:
    """One client: it gets a snapshot for each subscription, then each change, and heartbeats.

    Two tasks run: one handles the client's messages in turn, the other sends what the hub queues. A task holds
    `_send_lock` while it sends, so that changes cannot overtake a snapshot.
    """

    def __init__(self, hub: Hub, subscriber: Subscriber, send: ASGISend) -> None:
        self._hub = hub
        self._subscriber = subscriber
        self._send_to_server = send
        self._send_lock = asyncio.Lock()
        self._budget = MessageBudget()
        self._timeout = SendTimeout()
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Sends what the hub queues, while the context lasts."""
        sender = asyncio.create_task(self._send_changes())
        try:
            yield
        finally:
            sender.cancel()
            await asyncio.wait([sender])

    async def handle(self, text: str | None) -> None:
        """Handles one message. An unexpected error closes this connection and nothing else."""
        try:
            await self._handle(text)
        except OSError:
            # The client has gone.
            pass
        except Error:
            logger.warning("A socket is closed: the database does not respond", exc_info=True)
            await self._close(CLOSE_TRY_LATER)
        except Exception:
            logger.exception("A socket's message could not be handled")
            await self._close(CLOSE_FAILED)

    async def _handle(self, text: str | None) -> None:
        if self._is_closed:
            return
        try:
            self._budget.spend()
            await self._execute(parse(text))
        except BadMessage as error:
            await self._send_json({"type": "error", "code": error.code, "detail": error.detail})
        if self._budget.is_flooded:
            await self._close(CLOSE_FLOOD)

    async def _execute(self, message: Message) -> None:
        match message:
            case Subscribe():
                await self._subscribe(message)
            case Unsubscribe(selection):
                self._subscriber.subscriptions.remove(selection)
            case Ping():
                await self._send_json({"type": "pong"})

    async def _subscribe(self, message: Subscribe) -> None:
        # The client may have read newer events from the feed: the snapshot's sequence must not be older.
        await self._hub.catch_up(await read(head_sequence))
        async with self._send_lock:
            # Changes of earlier subscriptions come first: a client that resumes after the snapshot would miss them.
            await self._drain()
            # The subscription is added and the sequence is read without an await between them, and the levels are read
            # after both. So no change is missing: what the hub queues meanwhile is sent after the snapshot.
            self._subscriber.subscriptions.add(message.selection)
            sequence = self._hub.sequence
            snapshot = await read(read_snapshot, message)
            metrics.socket_messages_total.inc()
            await self._send(snapshot.message(sequence))

    async def _send_changes(self) -> None:
        subscriber = self._subscriber
        try:
            while subscriber.close_code is None:
                await subscriber.wake.wait()
                subscriber.wake.clear()
                async with self._send_lock:
                    await self._send_unread()
            await self._close(subscriber.close_code)
        except OSError:
            pass
        except Exception:
            logger.exception("A socket's changes could not be sent")
            await self._close(CLOSE_FAILED)

    async def _send_unread(self) -> None:
        # All changes up to this sequence are in the queue by now: the heartbeat follows them.
        sequence = self._hub.sequence
        await self._drain()
        if self._subscriber.heartbeat_due:
            self._subscriber.heartbeat_due = False
            await self._send_json({"type": "heartbeat", "sequence": sequence})

    async def _drain(self) -> None:
        unread, sent = self._subscriber.unread, 0
        try:
            while unread:
                await self._send(unread.popleft().message)
                sent += 1
                if sent % MESSAGES_BEFORE_YIELD == 0:
                    # A send that does not have to wait does not let other tasks run.
                    await asyncio.sleep(0)
        finally:
            metrics.socket_messages_total.inc(sent)

    async def _send_json(self, message: dict[str, Any]) -> None:
        await self._send(to_json(message).decode())

    async def _send(self, text: str) -> None:
        """Sends a text. Raises OSError when the connection has ended; closes it when the client does not read."""
        if self._is_closed:
            raise ConnectionResetError
        try:
            await self._timeout.send(self._send_to_server({"type": "websocket.send", "text": text}), len(text))
        except TimeoutError:
            self._subscriber.end(CLOSE_TOO_SLOW)
            await self._close(CLOSE_TOO_SLOW)
            raise ConnectionResetError from None

    async def _close(self, code: int) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._hub.remove(self._subscriber)
        self._subscriber.end(code)
        metrics.sockets_closed_total.labels(str(code)).inc()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send_to_server({"type": "websocket.close", "code": code})
        except (TimeoutError, OSError):
            _abort(self._send_to_server)


def _abort(send: ASGISend) -> None:
    """Drops the connection without waiting for the client to read. ASGI has no message for that."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if isinstance(transport, asyncio.Transport):
        with contextlib.suppress(OSError):
            transport.abort()
