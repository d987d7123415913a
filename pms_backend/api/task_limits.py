"""How many of a worker's threads a kind of work may take.

The threads of a worker are shared by the tasks of its queues, and beat asks for a sweep every few seconds, however long
the last one takes: without a limit one slow kind of work would fill all the threads, and all others would wait for it.
"""

import functools
import threading
from collections.abc import Callable
from typing import Final

Function = Callable[[], int]


class ConcurrencyLimit:
    """Tasks that together run at most `limit` times at once in one process; it decorates each, below `@shared_task`.

    A call that finds no place returns at once and is not lost: one of those that run goes on with it.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._places = threading.Semaphore(limit)
        self._lock = threading.Lock()
        self._wanted: dict[Function, None] = {}

    def __call__(self, function: Function) -> Function:
        """The function under this limit."""

        # No callable object: Celery would count its `self` among the arguments.
        @functools.wraps(function)
        def limited() -> int:
            return self.run(function)

        limited.limit = self  # type: ignore[attr-defined]  # added up in tests/architecture/test_queues.py
        return limited

    def run(self, function: Function) -> int:
        """Runs the function, and what is asked for meanwhile, where there is a place; returns the sum of results."""
        with self._lock:
            self._wanted[function] = None
        total = 0
        # Looked at once more after the place was given back: a call of the moment before found none.
        while self._wanted and self._places.acquire(blocking=False):
            try:
                if (wanted := self._next()) is not None:
                    total += wanted()
            finally:
                self._places.release()
        return total

    def _next(self) -> Function | None:
        """What was asked for first; nothing where another thread was faster."""
        with self._lock:
            function = next(iter(self._wanted), None)
            if function is not None:
                del self._wanted[function]
        return function


# Sweeps that nobody waits for: they come one after the other, and again with beat's next call.
upkeep: Final = ConcurrencyLimit(1)
