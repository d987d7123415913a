"""The WebSocket `/ws/stock/`: it sends every change of stock as it happens."""

import contextlib
import logging
import time
from typing import Any, Final, NoReturn

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.db import Error

from inventory.hub import get_hub
from inventory.socket_connection import ASGIEvent, Connection
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.sockets import CLOSE_TRY_LATER, SocketRefused, admit, headers_of
from pms_backend.api import context
from pms_backend.api.async_database import read

logger = logging.getLogger(__name__)
socket_logger = logging.getLogger("pms.sockets")

# The ASGI extension of pms_backend/socket_protocol.py.
FRAMES: Final = "pms.frames"
# RFC 6455's code for a connection that ended without a close, which is what the end of this process does to it.
CLOSE_ABNORMAL: Final = 1006


class StockConsumer(AsyncConsumer):
    """Accepts callers with a key, token or ticket for `inventory:read`, and passes their messages to `Connection`."""

    # No configured layer has this name: the hub listens to Redis for all connections. With a layer, Channels would
    # listen for each connection, and end it as soon as Redis does not respond.
    channel_layer_alias = "none"
    connection: Connection
    close_code = CLOSE_ABNORMAL

    async def __call__(self, scope: ASGIEvent, receive: Any, send: Any) -> None:
        """Runs one connection from its start to its end, with the request id of its handshake."""
        began = time.monotonic()
        request_id = context.request_id_from(headers_of(scope["headers"]).get("x-request-id", ""))
        with context.bind(actor="anonymous", request_id=request_id, door=context.Door.API):
            try:
                async with contextlib.AsyncExitStack() as self.ending:
                    with contextlib.suppress(OSError):  # the client has gone
                        await super().__call__(scope, receive, send)
            finally:
                more = {"code": self.close_code, "seconds": round(time.monotonic() - began, 3)}
                socket_logger.info("Socket closed with %s", self.close_code, extra=more)

    async def dispatch(self, message: ASGIEvent) -> None:
        """Calls the handler. Channels would first close old database connections in a thread; here `read` does that."""
        await getattr(self, get_handler_name(message))(message)

    async def websocket_connect(self, _: ASGIEvent) -> None:
        """Accepts first, also to refuse: a browser reads a close code only of an accepted connection."""
        await self.base_send({"type": "websocket.accept"})
        try:
            caller = await read(admit, self.scope, required_scope=INVENTORY_READ)
            hub = await get_hub()
        except SocketRefused as refused:
            await self._refuse(refused.code, refused.reason)
        except Error:
            logger.warning("A socket cannot be opened: the database does not respond", exc_info=True)
            await self._refuse(CLOSE_TRY_LATER, "the database does not answer")
        context.set_actor(caller.actor)
        socket_logger.info("Socket opened")
        subscriber = self.ending.enter_context(hub.subscriber(caller))
        extension = self.scope.get("extensions", {}).get(FRAMES)
        self.connection = Connection(hub, subscriber, self.base_send, extension)
        await self.ending.enter_async_context(self.connection.sending())

    async def websocket_receive(self, message: ASGIEvent) -> None:
        """Handles one message of the client."""
        await self.connection.handle(message.get("text"))

    async def websocket_disconnect(self, message: ASGIEvent) -> None:
        """Ends the consumer: the client has gone, or was closed."""
        self.close_code = message.get("code", CLOSE_ABNORMAL)
        raise StopConsumer

    async def _refuse(self, code: int, reason: str) -> NoReturn:
        self.close_code = code
        await self.base_send({"type": "websocket.close", "code": code, "reason": reason})
        raise StopConsumer
