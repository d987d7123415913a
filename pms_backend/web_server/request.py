"""A request on its way in: how long it may take, how large it may be, where its body lies meanwhile."""

import errno
import threading
import time
from typing import Any, Final

from waitress.parser import HTTPRequestParser

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

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Spool:
    """How many bytes of bodies lie in temporary files now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.used_bytes = 0

    def grow(self, by: int) -> bool:
        """Counts more bytes, fewer where it is negative; says whether all of them fit."""
        with self._lock:
            self.used_bytes += by
            return self.used_bytes <= MAX_SPOOLED_BYTES


class Discard:
    """Takes the body of a refused request, and keeps none of it."""

    error = None

    def __init__(self, length: int) -> None:
        self._left = length
        self.completed = False

    def received(self, data: bytes) -> int:
        """How many of these bytes belong to the body."""
        taken = min(self._left, len(data))
        self._left -= taken
        self.completed = not self._left
        return taken

    def getbuf(self) -> "Discard":
        """What `close` is called of."""
        return self

    def close(self) -> None:
        """There is nothing to close."""


class BoundedRequest(HTTPRequestParser):
    """Waitress's request, with bounds. A refused one has a `Problem` as its `error`."""

    def __init__(self, adjustments: Any, *, spool: Spool) -> None:
        super().__init__(adjustments)
        self._began_at = time.monotonic()
        self._spool = spool
        self._spooled_bytes = 0
        self._longest = 0

    @property
    def deadline(self) -> float:
        """Until when it has to be here, by the monotonic clock; later with each byte of its body."""
        seconds = HEAD_SECONDS
        if self.headers_finished:
            seconds += BODY_SECONDS + min(self.body_bytes_received / MIN_BYTES_PER_SECOND, LONGEST_BODY_SECONDS)
        return self._began_at + seconds

    def received(self, data: bytes) -> int:
        """Takes the next bytes; returns how many of them belong to this request."""
        had_head = self.headers_finished
        try:
            consumed: int = super().received(data)
        except OSError as error:
            if error.errno not in NO_ROOM:
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
        """Ends it with this answer."""
        self.error = problem
        self.expect_continue = False
        self.completed = True

    def close(self) -> None:
        """Removes its temporary file."""
        super().close()
        self._spool.grow(-self._spooled_bytes)
        self._spooled_bytes = 0

    def _check_head(self) -> None:
        has_credentials = not self.headers.keys().isdisjoint({"AUTHORIZATION", "X_API_KEY", "COOKIE"})
        path = self.path.encode("latin-1").decode("utf-8", "replace")
        self._longest = max_body_bytes_at(
            path, self.headers.get("CONTENT_TYPE", ""), self.content_length, has_credentials=has_credentials
        )
        if self.content_length <= self._longest:
            return
        is_waiting = self.expect_continue
        self.refuse(TOO_LARGE)
        if not is_waiting and self.content_length <= MAX_DISCARDED_BYTES:
            self.completed = False
            self.body_rcv = Discard(self.content_length)

    def _check_body(self) -> None:
        if self.body_bytes_received > self._longest:
            self.refuse(TOO_LARGE)
        elif self.body_bytes_received > MAX_BUFFERED_BYTES:
            more = self.body_bytes_received - self._spooled_bytes
            self._spooled_bytes += more
            if not self._spool.grow(more):
                self.refuse(SPOOL_FULL)
