"""How much one client may ask, and how long it may take to listen."""

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


class Budget:
    """A bucket of messages that fills up with time."""

    def __init__(self) -> None:
        self._left = float(BURST_MESSAGES)
        self._at = time.monotonic()

    @property
    def is_flooded(self) -> bool:
        """Whether so much came too fast that the connection is to be closed."""
        return self._left < -FLOOD_MESSAGES

    def take(self) -> None:
        """Counts a message. Raises `BadMessage` for one too many."""
        now = time.monotonic()
        self._left = min(BURST_MESSAGES, self._left + (now - self._at) * MESSAGES_A_SECOND) - 1
        self._at = now
        if self._left < 0:
            raise BadMessage("rate_limited", f"A connection may send {MESSAGES_A_SECOND} messages a second.")


class Patience:
    """Waits for a client to take what it is sent: a while, and longer after something large."""

    def __init__(self) -> None:
        self._before = 0

    async def wait_for(self, sending: Awaitable[Any], size: int) -> None:
        """Sends. Raises `TimeoutError`. It is what was sent before that is waited for."""
        seconds = SEND_SECONDS + self._before / SLOWEST_BYTES_A_SECOND
        self._before = size
        async with asyncio.timeout(seconds):
            await sending
