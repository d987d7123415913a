"""Waiting for what other processes do."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], bool], what: str, *, seconds: float) -> None:
    """Returns when it holds; fails after the time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)
