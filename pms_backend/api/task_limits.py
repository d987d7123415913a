"""How many threads of a worker a kind of task may use.

The tasks of a worker's queues share its threads, and beat sends a sweep every few seconds even if the last one still
runs: without a limit one slow kind of task would fill all threads, and all others would wait.
"""

import functools
import threading
from collections.abc import Callable
from typing import Final

Function = Callable[[], int]


class ConcurrencyLimit:
    """Decorates tasks, below `@shared_task`, that together run at most `limit` times at once in one process.

    A call above the limit returns at once and is not lost: a running one calls the function afterwards.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._slots = threading.Semaphore(limit)
        self._lock = threading.Lock()
        self._pending: dict[Function, None] = {}

    def __call__(self, function: Function) -> Function:
        """The function under this limit."""

        # A function, since Celery would count the `self` of a callable object among the arguments.
        @functools.wraps(function)
        def limited() -> int:
            return self.run(function)

        limited.limit = self  # type: ignore[attr-defined]  # summed up in tests/architecture/test_queues.py
        return limited

    def run(self, function: Function) -> int:
        """Runs the function, and those pending meanwhile, if a slot is free; returns the sum of their results."""
        with self._lock:
            self._pending[function] = None
        total = 0
        # Checked again after the slot is released: a call just before that found none.
        while self._pending and self._slots.acquire(blocking=False):
            try:
                if (pending := self._next()) is not None:
                    total += pending()
            finally:
                self._slots.release()
        return total

    def _next(self) -> Function | None:
        """Removes the first pending function; None if another thread was faster."""
        with self._lock:
            function = next(iter(self._pending), None)
            if function is not None:
                del self._pending[function]
        return function


# Maintenance that is not urgent: these tasks run one after the other.
upkeep: Final = ConcurrencyLimit(1)
