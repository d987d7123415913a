"""The WebSocket `/ws/stock/`: it sends every change of stock as it happens."""

import contextlib
import logging
from typing import Any, NoReturn

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.db import Error

from inventory.hub import get_hub
from inventory.socket_connection import ASGIEvent, Connection
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.sockets import CLOSE_TRY_LATER, SocketRefused, admit
from pms_backend.api.async_database import read

logger = logging.getLogger(__name__)


class StockConsumer(AsyncConsumer):
    """Accepts callers with a key, token or ticket for `inventory:read`, and passes their messages to `Connection`."""

    # No configured layer has this name: the hub listens to Redis for all connections. With a layer, Channels would
    # listen for each connection, and end it as soon as Redis does not respond.
    channel_layer_alias = "none"
    connection: Connection

    async def __call__(self, scope: ASGIEvent, receive: Any, send: Any) -> None:
        """Runs one connection from its start to its end."""
        async with contextlib.AsyncExitStack() as self.ending:
            with contextlib.suppress(OSError):  # the client has gone
                await super().__call__(scope, receive, send)

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
        subscriber = self.ending.enter_context(hub.subscriber(caller))
        self.connection = Connection(hub, subscriber, self.base_send)
        await self.ending.enter_async_context(self.connection.sending())

    async def websocket_receive(self, message: ASGIEvent) -> None:
        """Handles one message of the client."""
        await self.connection.handle(message.get("text"))

    async def websocket_disconnect(self, _: ASGIEvent) -> None:
        """Ends the consumer: the client has gone, or was closed."""
        raise StopConsumer

    async def _refuse(self, code: int, reason: str) -> NoReturn:
        await self.base_send({"type": "websocket.close", "code": code, "reason": reason})
        raise StopConsumer
