"""A rate budget: a token bucket that says how long to wait for the next call."""

import threading
import time
from collections.abc import Callable

from pms_backend.outbound.exceptions import RateExceeded


class TokenBucket:
    """Allows `burst` calls at once, and `per_second` in the long run. Threads may share it."""

    def __init__(self, *, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second
        self._burst_seconds = (burst - 1) * self._interval
        self._clock = clock
        self._lock = threading.Lock()
        # When the bucket would be full again, less the burst: the moment of the next call in an even flow.
        self._next_at = clock() - self._burst_seconds

    def take(self, *, longest_wait: float) -> float:
        """Takes a token; returns the seconds to wait before the call. Takes none and raises `RateExceeded` if those
        are more than `longest_wait`.
        """
        with self._lock:
            now = self._clock()
            at = max(self._next_at, now - self._burst_seconds)
            wait = max(0.0, at - now)
            if wait > longest_wait:
                raise RateExceeded(wait)
            self._next_at = at + self._interval
            return wait
