"""Values that are read from what may hang: PostgreSQL, Redis, the storage, another server.

A stopped server keeps whoever asks it waiting, often for minutes. So a thread of its own asks, at most once at a time,
and its callers wait for as long as they choose:

    DATABASE: Final = BoundedReading(read_database)     # one for each process
    found = DATABASE.get(seconds=1.5)                   # at most `fresh_seconds` old

The thread begins with the first use, so that it begins after a fork, and stays: it has one connection to PostgreSQL if
`read` uses the database, which is closed after each failure. What is read slowly needs a `BoundedReading` of its own,
so that others do not wait for it.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Generic, TypeVar

from django.db import InterfaceError, OperationalError, connection
from redis.exceptions import TimeoutError as RedisTimeoutError

Value = TypeVar("Value")

FRESH_SECONDS: Final = 1.0
# What has been silent for longer had an outage, after which heartbeats may be old (heartbeats.MAX_AGE_SECONDS).
OUTAGE_SECONDS: Final = 4.0


class NoAnswer(Exception):
    """What is read did not answer in time; the message says for how long."""


# What says only that an answer takes long, as on a busy machine. Each other error is an outage at once.
SLOW: Final = (NoAnswer, TimeoutError, RedisTimeoutError)


class BoundedReading(Generic[Value]):
    """What `read` returned last, and for how long it has been answering."""

    def __init__(self, read: Callable[[], Value], *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self.read = read
        # For so long a value is taken for the present one; a failure for `FRESH_SECONDS`, since it may be over.
        self.fresh_seconds = fresh_seconds
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_wanted = False
        # The last that was read, None before the first.
        self.last_value: Value | None = None
        self._result: Value | Exception = NoAnswer("it has not been asked yet")
        self._began_at, self._ended_at, self._succeeded_at = 0.0, float("-inf"), float("-inf")
        # The beginning of the first run that has not succeeded, and the end of the first success since an outage.
        self._failing_since: float | None = None
        self._answering_since: float | None = None

    def refresh(self) -> None:
        """Begins to read, unless the last result is fresh or a run has not ended; never waits for it."""
        with self._changed:
            if self._is_wanted or self._is_fresh():
                return
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=f"reads {self.read.__name__}", daemon=True)
                self._thread.start()
            self._is_wanted = True
            self._began_at = time.monotonic()
            self._failing_since = self._failing_since or self._began_at
            self._changed.notify_all()

    def get(self, seconds: float) -> Value:
        """Returns a fresh value. Raises what `read` raised, or `NoAnswer` when it has been running for so long."""
        self.refresh()
        return self.wait(seconds, since=time.monotonic())

    def wait(self, seconds: float, *, since: float) -> Value:
        """The same without a run of its own, for who has refreshed several: all wait until `seconds` after `since`."""
        with self._changed:
            until = min(self._began_at, since) + seconds
            if not self._changed.wait_for(lambda: not self._is_wanted, max(0.0, until - time.monotonic())):
                raise NoAnswer(f"no answer for {self.failing_seconds:.0f} s")
            result = self._result
        if isinstance(result, Exception):
            raise result
        return result

    @property
    def value_seconds(self) -> float:
        """How old the last value is; infinite before the first."""
        return time.monotonic() - self._succeeded_at

    @property
    def failing_seconds(self) -> float:
        """For how long it has not answered; 0 while it answers."""
        return time.monotonic() - self._failing_since if self._failing_since else 0.0

    @property
    def answering_seconds(self) -> float:
        """For how long it has been answering without an outage; 0 during one, and before it was asked."""
        return time.monotonic() - self._answering_since if self._answering_since else 0.0

    @property
    def run_seconds(self) -> float:
        """How long the last run took, or the present one has been running."""
        return (time.monotonic() if self._is_wanted else self._ended_at) - self._began_at

    def _is_fresh(self) -> bool:
        is_failure = isinstance(self._result, Exception)
        seconds = min(self.fresh_seconds, FRESH_SECONDS) if is_failure else self.fresh_seconds
        return not self._is_wanted and time.monotonic() - self._ended_at < seconds

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_wanted)
            if not self._run_once():
                with suppress(Exception):
                    connection.close()

    def _run_once(self) -> bool:
        """Reads, and returns whether that succeeded."""
        try:
            result: Value | Exception = self._read()
        except Exception as error:
            result = error
        self._end(result)
        return not isinstance(result, Exception)

    def _read(self) -> Value:
        """Reads; once more by a new connection if the one to PostgreSQL broke, perhaps long ago, at a restart."""
        try:
            return self.read()
        except (OperationalError, InterfaceError):
            is_broken = connection.connection is not None and not connection.is_usable()
            if connection.in_atomic_block or not is_broken:
                raise
            connection.close()
            return self.read()

    def _end(self, result: Value | Exception) -> None:
        with self._changed:
            self._result, self._is_wanted, self._ended_at = result, False, time.monotonic()
            is_refused = isinstance(result, Exception) and not isinstance(result, SLOW)
            if is_refused or self.failing_seconds > OUTAGE_SECONDS:
                self._answering_since = None
            if not isinstance(result, Exception):
                self.last_value, self._failing_since, self._succeeded_at = result, None, self._ended_at
                self._answering_since = self._answering_since or self._ended_at
            self._changed.notify_all()
