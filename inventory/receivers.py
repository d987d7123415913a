"""What inventory does when events are published: it rings the sockets."""

import asyncio
import logging
import threading
from collections.abc import Sequence

from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

from inventory.events import STOCK_CHANGED, LocationChanged
from inventory.services.renames import announce_renamed_variants
from pms_backend import metrics
from pms_backend.api import generations
from pms_backend.events import services as outbox
from pms_backend.events.models import Event
from products.generations import PRODUCT, STOCK, of_stock
from products.models import Variant
from products.renames import join_renames
from products.skus import sku_key

logger = logging.getLogger(__name__)

HUB_GROUP = "stock-hubs"
BELL_TIMEOUT_SECONDS = 1.0


def connect() -> None:
    """Said once, when the apps are ready."""
    outbox.receive_published("inventory.ring_sockets", ring_sockets)
    outbox.receive_published("inventory.replace_generations", replace_generations)
    join_renames(announce_renamed_variants)


def ring_sockets(events: Sequence[Event]) -> None:
    """Tells the hub of each socket process, after the commit, that there is something new to read."""
    if any(event.type == STOCK_CHANGED for event in events):
        newest = events[-1].sequence
        transaction.on_commit(lambda: _bell.ring(newest or 0), robust=True)


def replace_generations(events: Sequence[Event]) -> None:
    """Once more after the relay's commit, for the writer who was killed, or did not find Redis, after its own."""
    names: set[str] = set()
    if any(event.type == LocationChanged.type for event in events):
        names = {STOCK, PRODUCT}
    elif skus := {sku_key(event.data["level"]["sku"]) for event in events if event.type == STOCK_CHANGED}:
        # A SKU that has another name since, or another product, has an event for that.
        names = of_stock(set(Variant.objects.filter(sku_key__in=skus).values_list("product_id", flat=True))) or {STOCK}
    if names:
        transaction.on_commit(lambda: generations.replace(names), robust=True)


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
