"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable
from typing import Final

PATIENCE_SECONDS: Final = 90.0


def wait_until(holds: Callable[[], bool], what: str = "it", *, seconds: float = PATIENCE_SECONDS) -> None:
    """Returns when it holds; fails after the time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)
