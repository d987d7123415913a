"""One client of `/ws/stock/`: handles its messages, and sends it what the hub could not write at once."""

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from django.db import Error

from inventory.hub import Hub
from inventory.messages import BadMessage, Message, Ping, Subscribe, Unsubscribe, parse
from inventory.slow_clients import MessageBudget, SendTimeout
from inventory.snapshots import read_snapshot
from inventory.socket_limits import CLOSE_SECONDS
from inventory.subscribers import CLOSE_TOO_SLOW, Subscriber, heartbeat
from pms_backend import metrics
from pms_backend.access.sockets import CLOSE_TRY_LATER
from pms_backend.api.async_database import read
from pms_backend.api.renderers import to_json
from pms_backend.events.models import head_sequence

logger = logging.getLogger(__name__)

# RFC 6455: 1008 is a policy violation, 1011 an internal error.
CLOSE_FLOOD: Final = 1008
CLOSE_FAILED: Final = 1011

ASGIEvent = MutableMapping[str, Any]
ASGISend = Callable[[ASGIEvent], Awaitable[None]]
Extension = Mapping[str, Callable[..., Any]]


class Connection:
    """One client: it gets a snapshot for each subscription, then each change, and heartbeats.

    The client's messages are handled in turn. The hub writes changes itself; a task sends what it could not write at
    once, and ends when nothing is left. Whoever sends holds `Subscriber.sending`, so that changes cannot overtake a
    snapshot.
    """

    def __init__(self, hub: Hub, subscriber: Subscriber, send: ASGISend, extension: Extension | None) -> None:
        """`extension` is that of pms_backend/socket_protocol.py; without it, all is sent by `send`."""
        self._hub = hub
        self._subscriber = subscriber
        self._send_to_server = send
        self._extension = extension
        self._budget = MessageBudget()
        self._timeout = SendTimeout()
        self._is_closed = False
        self._sender: asyncio.Task[None] | None = None
        # That of the handshake, for the lines about this connection: the hub, which starts the task, has another.
        self._context = contextvars.copy_context()

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Sends what the hub passes on, while the context lasts."""
        self._subscriber.start_sending = self._start_sending
        if self._extension is not None:
            self._subscriber.write = self._write
        try:
            yield
        finally:
            self._is_closed = True
            if self._sender is not None:
                self._sender.cancel()
                await asyncio.wait([self._sender])

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
        async with self._subscriber.sending:
            # Changes of earlier subscriptions come first: a client that resumes after the snapshot would miss them.
            await self._drain()
            # The subscription is added and the sequence is read without an await between them, and the levels are read
            # after both. So no change is missing: what the hub queues meanwhile is sent after the snapshot.
            self._subscriber.subscriptions.add(message.selection)
            sequence = self._hub.sequence
            snapshot = await read(read_snapshot, message)
            metrics.socket_messages_total.inc()
            await self._send(snapshot.message(sequence))

    def _write(self, frames: bytes) -> bool:
        if self._is_closed or self._extension is None:
            return False
        try:
            is_written: bool = self._extension["write"](frames)
        except Exception:
            # The hub writes to all connections in turn: this one must not stop it.
            logger.exception("A socket cannot be written to")
            self._subscriber.end(CLOSE_FAILED)
            return False
        if is_written:
            # What was large before has been read; what is written at once is small.
            self._timeout.previous_size = 0
        return is_written

    def _start_sending(self) -> None:
        if not self._is_closed and (self._sender is None or self._sender.done()):
            self._sender = asyncio.get_running_loop().create_task(self._send_changes(), context=self._context)

    async def _send_changes(self) -> None:
        subscriber = self._subscriber
        try:
            async with subscriber.sending:
                # Nothing is awaited after the last look: what comes later starts a new task.
                while subscriber.unread or subscriber.heartbeat_due:
                    await self._send_unread()
            if subscriber.close_code is not None:
                await self._close(subscriber.close_code)
        except OSError:
            pass
        except Exception:
            logger.exception("A socket's changes could not be sent")
            await self._close(CLOSE_FAILED)

    async def _send_unread(self) -> None:
        await self._drain()
        if self._subscriber.heartbeat_due:
            self._subscriber.heartbeat_due = False
            # Nothing is unread: all changes up to this sequence have been sent.
            await self._send(heartbeat(self._hub.sequence).decode())

    async def _drain(self) -> None:
        subscriber, sent = self._subscriber, 0
        try:
            while subscriber.unread:
                written = subscriber.write_unread()
                # A write that fails ends the connection, and leaves nothing unread.
                if not written and subscriber.unread:
                    await self._send(subscriber.unread.popleft().message.decode())
                    written = 1
                sent += written
                # Neither has to wait as long as the client reads; other tasks may run.
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
            if self._extension is not None:
                self._extension["abort"]()
