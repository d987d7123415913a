"""WebSocket URLs."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import path, re_path

from inventory.consumers import StockConsumer


async def reject(_: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Refuses any other URL before the handshake."""
    await receive()
    await send({"type": "websocket.close"})


# Channels uses Django's routes, with ASGI applications instead of views.
_applications: dict[str, Any] = {"stock": StockConsumer.as_asgi(), "other": reject}
websocket_urlpatterns = [path("ws/stock/", _applications["stock"]), re_path(r"", _applications["other"])]
