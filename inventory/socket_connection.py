"""One client of `/ws/stock/`: what it asks is done, and what the hub passes it is sent."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

from django.db import Error

from inventory.hub import Hub
from inventory.messages import BadMessage, Message, Ping, Subscribe, Unsubscribe, parse
from inventory.slow_clients import Budget, Patience
from inventory.snapshots import take_snapshot
from inventory.socket_limits import CLOSE_SECONDS
from inventory.subscribers import CLOSE_TOO_SLOW, Subscriber
from pms_backend import metrics
from pms_backend.access.sockets import CLOSE_TRY_LATER
from pms_backend.api.async_database import read
from pms_backend.api.renderers import to_json
from pms_backend.events.models import head_sequence

logger = logging.getLogger(__name__)

# RFC 6455: policy violation, and a failure of ours.
CLOSE_FLOOD: Final = 1008
CLOSE_FAILED: Final = 1011
SENT_AT_ONCE: Final = 100

Event = MutableMapping[str, Any]
Send = Callable[[Event], Awaitable[None]]


class Connection:
    """One client: snapshots of what it subscribes to, then each change, and a heartbeat now and then.

    Two tasks: one obeys the client's messages in turn, the other sends what the hub passes. `_sending` is held by
    whoever sends, so that changes cannot overtake a snapshot.
    """

    def __init__(self, hub: Hub, subscriber: Subscriber, send: Send) -> None:
        self._hub = hub
        self._subscriber = subscriber
        self._send_event = send
        self._sending = asyncio.Lock()
        self._budget = Budget()
        self._patience = Patience()
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Sends what the hub passes, for as long as this lasts."""
        sender = asyncio.create_task(self._send_forever())
        try:
            yield
        finally:
            sender.cancel()
            await asyncio.wait([sender])

    async def obey(self, text: str | None) -> None:
        """Does what one message says, or tells why not. What fails here ends this connection and nothing else."""
        try:
            await self._obey(text)
        except OSError:
            # How the server says that the client is gone.
            pass
        except Error:
            logger.warning("A socket is closed: the database does not answer", exc_info=True)
            await self._close(CLOSE_TRY_LATER)
        except Exception:
            logger.exception("A socket's message could not be obeyed")
            await self._close(CLOSE_FAILED)

    async def _obey(self, text: str | None) -> None:
        if self._is_closed:
            return
        try:
            self._budget.take()
            await self._do(parse(text))
        except BadMessage as error:
            await self._tell({"type": "error", "code": error.code, "detail": error.detail})
        if self._budget.is_flooded:
            await self._close(CLOSE_FLOOD)

    async def _do(self, message: Message) -> None:
        match message:
            case Subscribe():
                await self._subscribe(message)
            case Unsubscribe(wanted):
                self._subscriber.filter.remove(wanted)
            case Ping():
                await self._tell({"type": "pong"})

    async def _subscribe(self, message: Subscribe) -> None:
        # So that the snapshot's sequence is no older than what the client may have read elsewhere.
        await self._hub.catch_up(await read(head_sequence))
        async with self._sending:
            # What it subscribed to before is complete up to the snapshot's sequence too, or `after` would skip some.
            await self._drain()
            # Registered, then the sequence, at the same instant, then the levels: what the hub passes from here on is
            # sent afterwards.
            self._subscriber.filter.add(message.wanted)
            sequence = self._hub.sequence
            snapshot = await read(take_snapshot, message)
            metrics.socket_messages_total.inc()
            await self._send(snapshot.message(sequence))

    async def _send_forever(self) -> None:
        subscriber = self._subscriber
        try:
            while subscriber.close_code is None:
                await subscriber.wake.wait()
                subscriber.wake.clear()
                async with self._sending:
                    await self._send_unread()
            await self._close(subscriber.close_code)
        except OSError:
            pass
        except Exception:
            logger.exception("A socket's changes could not be sent")
            await self._close(CLOSE_FAILED)

    async def _send_unread(self) -> None:
        # Whatever was handed out up to here is in the queue, so that the heartbeat is true after it.
        sequence = self._hub.sequence
        await self._drain()
        if self._subscriber.heartbeat_due:
            self._subscriber.heartbeat_due = False
            await self._tell({"type": "heartbeat", "sequence": sequence})

    async def _drain(self) -> None:
        unread, sent = self._subscriber.unread, 0
        while unread:
            await self._send(unread.popleft().message)
            sent += 1
            if sent % SENT_AT_ONCE == 0:
                # A server that can send at once never lets others have their turn.
                await asyncio.sleep(0)
        metrics.socket_messages_total.inc(sent)

    async def _tell(self, message: dict[str, Any]) -> None:
        await self._send(to_json(message).decode())

    async def _send(self, text: str) -> None:
        """Sends; OSError where the connection has ended. One whose client takes nothing is closed."""
        if self._is_closed:
            raise ConnectionResetError
        try:
            await self._patience.wait_for(self._send_event({"type": "websocket.send", "text": text}), len(text))
        except TimeoutError:
            self._subscriber.end(CLOSE_TOO_SLOW)
            await self._close(CLOSE_TOO_SLOW)
            raise ConnectionResetError from None

    async def _close(self, code: int) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._hub.forget(self._subscriber)
        self._subscriber.end(code)
        metrics.sockets_closed_total.labels(str(code)).inc()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send_event({"type": "websocket.close", "code": code})
        except (TimeoutError, OSError):
            _cut(self._send_event)


def _cut(send: Send) -> None:
    """Drops the connection. ASGI has no word for that, and a mere close waits for the client that does not read."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if isinstance(transport, asyncio.Transport):
        with contextlib.suppress(OSError):
            transport.abort()
