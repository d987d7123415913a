"""The sockets' addresses."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import path, re_path

from inventory.consumers import StockConsumer


async def nowhere(_: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Any other address: refused before the handshake."""
    await receive()
    await send({"type": "websocket.close"})


# Channels' routes are Django's, with ASGI applications in the place of views.
_applications: dict[str, Any] = {"stock": StockConsumer.as_asgi(), "nowhere": nowhere}
websocket_urlpatterns = [path("ws/stock/", _applications["stock"]), re_path(r"", _applications["nowhere"])]
