"""An arriving request: its deadline, its largest size, and the temporary file of its body."""

import errno
import threading
import time
from typing import Any, Final

from waitress.parser import HTTPRequestParser

from pms_backend.api.limits import MAX_BODY_BYTES
from pms_backend.api.problems import Problem
from pms_backend.api.request_bodies import max_body_bytes_at
from pms_backend.web_server.limits import (
    BODY_SECONDS,
    HEAD_SECONDS,
    LONGEST_BODY_SECONDS,
    MAX_BUFFERED_BYTES,
    MAX_DISCARDED_BYTES,
    MAX_SPOOLED_BYTES,
    MIN_BYTES_PER_SECOND,
)
from pms_backend.web_server.refusals import DISK_FULL, SPOOL_FULL, TOO_LARGE

DISK_FULL_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Spool:
    """The total size of all bodies that are in temporary files."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.used_bytes = 0

    def grow(self, by: int) -> bool:
        """Adds bytes, or removes them if `by` is negative; returns whether the total is within its limit."""
        with self._lock:
            self.used_bytes += by
            return self.used_bytes <= MAX_SPOOLED_BYTES


class DiscardingReceiver:
    """Reads the body of a refused request without storing it. It stands in for Waitress's receivers."""

    error = None

    def __init__(self, length: int) -> None:
        self._remaining = length
        self.completed = False

    def received(self, data: bytes) -> int:
        """Returns how many of these bytes belong to the body."""
        count = min(self._remaining, len(data))
        self._remaining -= count
        self.completed = not self._remaining
        return count

    def getbuf(self) -> "DiscardingReceiver":
        """Returns the object that Waitress closes."""
        return self

    def close(self) -> None:
        """Does nothing: no file is open."""


class BoundedRequest(HTTPRequestParser):
    """Waitress's request, with limits. A refused one has a `Problem` as its `error`."""

    def __init__(self, adjustments: Any, *, spool: Spool) -> None:
        super().__init__(adjustments)
        self._began_at = time.monotonic()
        self._spool = spool
        self._spooled_bytes = 0
        self._longest_body = 0

    @property
    def deadline(self) -> float:
        """The time by which it must have arrived, of the monotonic clock; each byte of the body moves it."""
        seconds = HEAD_SECONDS
        if self.headers_finished:
            seconds += BODY_SECONDS + min(self.body_bytes_received / MIN_BYTES_PER_SECOND, LONGEST_BODY_SECONDS)
        return self._began_at + seconds

    def received(self, data: bytes) -> int:
        """Processes the next bytes; returns how many of them belong to this request."""
        had_head = self.headers_finished
        try:
            consumed: int = super().received(data)
        except OSError as error:
            if error.errno not in DISK_FULL_ERRORS:
                raise
            self.refuse(DISK_FULL)
            return len(data)
        if not self.error and self.headers_finished:
            if had_head:
                self._check_body()
            elif not self.empty:
                self._check_head()
        return consumed

    def refuse(self, problem: Problem) -> None:
        """Completes the request; it is answered with this problem."""
        self.error = problem
        self.expect_continue = False
        self.completed = True

    def close(self) -> None:
        """Deletes the temporary file."""
        super().close()
        self._spool.grow(-self._spooled_bytes)
        self._spooled_bytes = 0

    def _check_head(self) -> None:
        if not self.chunked and self.content_length <= MAX_BODY_BYTES:
            # Nearly every request: its view need not be known.
            self._longest_body = MAX_BODY_BYTES
            return
        has_credentials = not self.headers.keys().isdisjoint({"AUTHORIZATION", "X_API_KEY", "COOKIE"})
        path = self.path.encode("latin-1").decode("utf-8", "replace")
        self._longest_body = max_body_bytes_at(
            path, self.headers.get("CONTENT_TYPE", ""), has_credentials=has_credentials
        )
        if self.content_length <= self._longest_body:
            return
        is_waiting = self.expect_continue
        self.refuse(TOO_LARGE)
        if not is_waiting and self.content_length <= MAX_DISCARDED_BYTES:
            self.completed = False
            self.body_rcv = DiscardingReceiver(self.content_length)

    def _check_body(self) -> None:
        if self.body_bytes_received > self._longest_body:
            self.refuse(TOO_LARGE)
        elif self.body_bytes_received > MAX_BUFFERED_BYTES:
            more = self.body_bytes_received - self._spooled_bytes
            self._spooled_bytes += more
            if not self._spool.grow(more):
                self.refuse(SPOOL_FULL)
