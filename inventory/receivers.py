"""What inventory does when events are published: it rings the sockets."""

import asyncio
import logging
import threading
from collections.abc import Sequence

from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

from inventory.events import STOCK_CHANGED
from pms_backend import metrics
from pms_backend.events import services as outbox
from pms_backend.events.models import Event

logger = logging.getLogger(__name__)

HUB_GROUP = "stock-hubs"
BELL_TIMEOUT_SECONDS = 1.0


def connect() -> None:
    """Said once, when the apps are ready."""
    outbox.receive_published("inventory.ring_sockets", ring_sockets)


def ring_sockets(events: Sequence[Event]) -> None:
    """Tells the hub of each socket process, after the commit, that there is something new to read."""
    if any(event.type == STOCK_CHANGED for event in events):
        newest = events[-1].sequence
        transaction.on_commit(lambda: _bell.ring(newest or 0), robust=True)


class _SocketBell:
    """Sends to the channel layer from synchronous code by one loop that stays, since its connections are the loop's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runner: asyncio.Runner | None = None

    def ring(self, sequence: int) -> None:
        """One group message without content. Without Redis the hubs look by themselves, a little later."""
        with self._lock:
            if self._runner is None:
                self._runner = asyncio.Runner()
            try:
                self._runner.run(self._send(sequence))
            except (RedisError, OSError, TimeoutError) as error:
                metrics.redis_failures_total.labels("socket bell").inc()
                logger.warning("The sockets could not be rung, they will look by themselves: %s", error)

    async def _send(self, sequence: int) -> None:
        layer = get_channel_layer()
        async with asyncio.timeout(BELL_TIMEOUT_SECONDS):
            await layer.group_send(HUB_GROUP, {"type": "stock.bell", "sequence": sequence})


_bell = _SocketBell()
