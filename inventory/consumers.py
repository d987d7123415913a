"""`/ws/stock/`: every change of stock, as it happens."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer

from inventory.hub import HEARTBEAT_SECONDS, Change, Hub, Subscriber, get_hub, read
from inventory.models import StockLevel
from inventory.representation import level_as_dict
from pms_backend.access.authentication import caller_of_headers
from pms_backend.api.parsers import NotJSON, load_json
from pms_backend.api.renderers import to_json
from pms_backend.events.models import head_sequence
from products.skus import as_sku_key

MAX_SUBSCRIBED_SKUS = 1_000
MAX_SUBSCRIBED_LOCATIONS = 1_000
MAX_MESSAGE_BYTES = 256 * 1024
CLOSE_NOT_AUTHENTICATED: Final = 4001
CLOSE_FORBIDDEN: Final = 4003
CLOSE_TOO_SLOW: Final = 4008
REQUIRED_SCOPE: Final = "inventory:read"


class BadMessage(Exception):
    """A message that cannot be obeyed; its connection lives on."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class StockConsumer(AsyncWebsocketConsumer):
    """One client: snapshots of what it subscribes to, then each change, and a heartbeat when nothing changes."""

    # One that is not configured: the hub listens to Redis for all. Otherwise Channels would listen for each connection,
    # and end it as soon as Redis does not answer.
    channel_layer_alias = "none"
    subscriber: Subscriber
    hub: Hub

    async def connect(self) -> None:
        """Lets in who has a key or a token with `inventory:read`."""
        self.cleanup = contextlib.AsyncExitStack()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}
        caller = await read(caller_of_headers, headers)
        if caller is None or REQUIRED_SCOPE not in caller.scopes:
            await self.accept()
            await self.close(CLOSE_NOT_AUTHENTICATED if caller is None else CLOSE_FORBIDDEN)
            return
        self.hub = await get_hub()
        self.subscriber = await self.cleanup.enter_async_context(self.hub.subscriber())
        await self.accept()
        # What the hub passes goes out by one task, so that it cannot overtake a snapshot.
        self.sending = asyncio.Lock()
        self.sender = asyncio.create_task(self._send_changes())
        self.cleanup.callback(self.sender.cancel)

    async def disconnect(self, code: int) -> None:
        """Gives up the place in the hub."""
        await self.cleanup.aclose()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Obeys one message, or says why not."""
        try:
            message = _parse(text_data if text_data is not None else bytes_data or b"")
            await self._action_of(message)(self, message)
        except BadMessage as error:
            await self._tell({"type": "error", "code": error.code, "detail": error.detail})

    def _action_of(self, message: Mapping[str, Any]) -> Callable[..., Awaitable[None]]:
        action = self._actions.get(str(message.get("action")))
        if action is None:
            raise BadMessage("unknown_action", f"Actions are {', '.join(self._actions)}.")
        return action

    async def _subscribe(self, message: Mapping[str, Any]) -> None:
        skus, locations, wants_all = _wanted(message)
        subscriber = self.subscriber
        if len(subscriber.skus | skus) > MAX_SUBSCRIBED_SKUS:
            raise BadMessage("too_many_skus", f"A connection subscribes to at most {MAX_SUBSCRIBED_SKUS} SKUs.")
        async with self.sending:
            # Registered first, then the sequence is read, then the levels: what happens between is sent afterwards.
            subscriber.skus |= skus
            subscriber.locations |= locations
            subscriber.wants_all |= wants_all
            sequence, levels = await read(_snapshot, skus, locations)
            await self._tell({"type": "snapshot", "sequence": sequence, "levels": levels})

    async def _unsubscribe(self, message: Mapping[str, Any]) -> None:
        skus, locations, wants_all = _wanted(message)
        self.subscriber.skus -= skus
        self.subscriber.locations -= locations
        self.subscriber.wants_all &= not wants_all

    async def _ping(self, _: Mapping[str, Any]) -> None:
        await self._tell({"type": "pong"})

    _actions: Final[dict[str, Callable[..., Awaitable[None]]]] = {
        "subscribe": _subscribe,
        "unsubscribe": _unsubscribe,
        "ping": _ping,
    }

    async def _send_changes(self) -> None:
        due = self._next_heartbeat()
        while True:
            # Read before the wait: whatever the hub reads later may still come into the queue.
            complete_to = self.hub.sequence
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    change = await self.subscriber.unread.get()
                complete_to = await self._send_change(change)
            if self.subscriber.is_slow:
                await self.close(CLOSE_TOO_SLOW)
                return
            if asyncio.get_running_loop().time() >= due:
                await self._tell({"type": "heartbeat", "sequence": complete_to})
                due = self._next_heartbeat()

    async def _send_change(self, change: Change) -> int:
        async with self.sending:
            await self._tell({"type": "stock.changed", "sequence": change.sequence, "level": change.level})
        return change.sequence

    @staticmethod
    def _next_heartbeat() -> float:
        return asyncio.get_running_loop().time() + HEARTBEAT_SECONDS

    async def _tell(self, message: dict[str, Any]) -> None:
        await self.send(text_data=to_json(message).decode())


def _parse(raw: str | bytes) -> dict[str, Any]:
    if len(raw) > MAX_MESSAGE_BYTES:
        raise BadMessage("too_large", f"A message has at most {MAX_MESSAGE_BYTES} bytes.")
    try:
        message = load_json(raw)
    except NotJSON as error:
        raise BadMessage("malformed", f"A message {error}.") from None
    if not isinstance(message, dict):
        raise BadMessage("malformed", "A message is a JSON object.")
    return message


def _wanted(message: Mapping[str, Any]) -> tuple[set[str], set[str], bool]:
    skus, locations, wants_all = message.get("skus", []), message.get("locations", []), message.get("all", False)
    lists = (skus, locations)
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise BadMessage("malformed", "`skus` and `locations` are lists of texts.")
    if not isinstance(wants_all, bool) or not (skus or locations or wants_all):
        raise BadMessage("malformed", 'Say which: `skus`, `locations`, or `"all": true`.')
    if len(skus) > MAX_SUBSCRIBED_SKUS or len(locations) > MAX_SUBSCRIBED_LOCATIONS:
        raise BadMessage("too_many_skus", f"A message names at most {MAX_SUBSCRIBED_SKUS} SKUs.")
    return {key for sku in skus if (key := as_sku_key(sku))}, set(locations), wants_all


def _snapshot(skus: set[str], locations: set[str]) -> tuple[int, list[dict[str, Any]]]:
    sequence = head_sequence()
    levels = StockLevel.objects.select_related("variant", "location").order_by("id")
    if skus:
        levels = levels.filter(variant__sku_key__in=skus)
    if locations:
        levels = levels.filter(location__code__in=locations)
    return sequence, [level_as_dict(level) for level in levels]
