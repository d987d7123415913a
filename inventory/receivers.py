"""Receivers of published events: they wake the socket hubs and replace cache generations."""

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
from pms_backend.api import cache_generations
from pms_backend.events import services as outbox
from pms_backend.events.models import Event
from products.cache_generations import PRODUCT, STOCK, stock_generations
from products.models import Variant
from products.renames import receive_renames
from products.skus import sku_key

logger = logging.getLogger(__name__)

HUB_GROUP = "stock-hubs"
WAKE_UP_TIMEOUT_SECONDS = 1.0


def connect() -> None:
    """Connects the receivers; called once, when the apps are ready."""
    outbox.receive_published("inventory.wake_sockets", wake_sockets, uses_database=False)
    outbox.receive_published("inventory.replace_generations", replace_generations)
    receive_renames(announce_renamed_variants)


def wake_sockets(events: Sequence[Event]) -> None:
    """Wakes the hub of each socket process, after the commit, to read the new events."""
    if any(event.type == STOCK_CHANGED for event in events):
        newest = events[-1].sequence
        transaction.on_commit(lambda: _wake_up.send(newest or 0), robust=True)


def replace_generations(events: Sequence[Event]) -> None:
    """Replaces tokens again after the relay's commit, in case the writer was killed or did not reach Redis."""
    names: set[str] = set()
    if any(event.type == LocationChanged.type for event in events):
        names = {STOCK, PRODUCT}
    elif skus := {sku_key(event.data["level"]["sku"]) for event in events if event.type == STOCK_CHANGED}:
        # A SKU that was renamed or moved to another product since then has a later event for its present product.
        products = set(Variant.objects.filter(sku_key__in=skus).values_list("product_id", flat=True))
        names = stock_generations(products) or {STOCK}
    if names:
        transaction.on_commit(lambda: cache_generations.replace(names), robust=True)


class _SocketWakeUp:
    """Sends to the channel layer from synchronous code. One event loop is kept, since it owns the connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runner: asyncio.Runner | None = None

    def send(self, sequence: int) -> None:
        """Sends one group message to the hubs. Without Redis they find the events a little later, by polling."""
        with self._lock:
            if self._runner is None:
                self._runner = asyncio.Runner()
            try:
                self._runner.run(self._send(sequence))
            except (RedisError, OSError, TimeoutError) as error:
                metrics.redis_failures_total.labels("socket wake-up").inc()
                logger.warning("The socket hubs got no wake-up and poll the feed instead: %s", error)

    async def _send(self, sequence: int) -> None:
        layer = get_channel_layer()
        async with asyncio.timeout(WAKE_UP_TIMEOUT_SECONDS):
            await layer.group_send(HUB_GROUP, {"type": "stock.wake_up", "sequence": sequence})


_wake_up = _SocketWakeUp()
