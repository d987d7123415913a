"""The sockets' addresses."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import path, re_path

from inventory.consumers import stock_socket


async def nowhere(_: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Any other address: refused before the handshake."""
    await receive()
    await send({"type": "websocket.close"})


websocket_urlpatterns = [path("ws/stock/", stock_socket), re_path(r"", nowhere)]
