"""Limits for one client: how many messages it may send, and how slowly it may read."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from inventory.messages import BadMessage
from inventory.socket_limits import (
    BURST_MESSAGES,
    FLOOD_MESSAGES,
    MESSAGES_A_SECOND,
    SEND_SECONDS,
    SLOWEST_BYTES_A_SECOND,
)


class MessageBudget:
    """A token bucket of messages."""

    def __init__(self) -> None:
        self._left = float(BURST_MESSAGES)
        self._at = time.monotonic()

    @property
    def is_flooded(self) -> bool:
        """Whether the client sends so fast that its connection has to be closed."""
        return self._left < -FLOOD_MESSAGES

    def spend(self) -> None:
        """Counts a message. Raises `BadMessage` when the budget is spent."""
        now = time.monotonic()
        self._left = min(BURST_MESSAGES, self._left + (now - self._at) * MESSAGES_A_SECOND) - 1
        self._at = now
        if self._left < 0:
            raise BadMessage("rate_limited", f"A connection may send {MESSAGES_A_SECOND} messages a second.")


class SendTimeout:
    """Limits how long sending may take; longer after a large message, which the client has to read first."""

    def __init__(self) -> None:
        # Of the message before, in bytes.
        self.previous_size = 0

    async def send(self, sending: Awaitable[Any], size: int) -> None:
        """Awaits a message of this size being sent. Raises `TimeoutError`."""
        seconds = SEND_SECONDS + self.previous_size / SLOWEST_BYTES_A_SECOND
        self.previous_size = size
        async with asyncio.timeout(seconds):
            await sending
