"""A body that does not come holds one thread for a bounded time, and never all of them.

A WSGI server lends each request a thread, and reading a body waits for its sender: as many senders as there are
threads, each a byte a second, would keep everybody else out. So the reading is done by a thread of its own, for which
the request waits until a deadline; few requests at a time may wait long.

What this cannot do is end the connection: it and its reader stay until the client or a proxy in front ends it, and the
server takes no more connections than there may be readers. The proxy's own limits are in deploy/Caddyfile.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from typing import Any

from pms_backend.api.limits import (
    BODY_SECONDS,
    MAX_CONNECTIONS,
    MAX_WAITING_FOR_BODIES,
    MIN_BODY_BYTES_PER_SECOND,
    SHORT_BODY_SECONDS,
)

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class BodyTooSlow(TimeoutError):
    """The body did not come within its time; Django makes an `UnreadablePostError` of it."""


class TimedBody:
    """`wsgi.input` with a deadline, which begins with the first read: who is refused before that costs nothing."""

    def __init__(self, raw: Any, length: int) -> None:
        self._raw = raw
        self._seconds = BODY_SECONDS + length / MIN_BODY_BYTES_PER_SECOND
        self._deadline: float | None = None

    def read(self, *size: int) -> bytes:
        """As of a file. Raises `BodyTooSlow`."""
        return self._in_time(self._raw.read, *size)

    def readline(self, *size: int) -> bytes:
        """As of a file. Raises `BodyTooSlow`."""
        return self._in_time(self._raw.readline, *size)

    def _in_time(self, read: Callable[..., bytes], *size: int) -> bytes:
        if self._deadline is None:
            self._deadline = time.monotonic() + self._seconds
        reading = _readers.submit(read, *size)
        try:
            return reading.result(min(SHORT_BODY_SECONDS, self._left()))
        except StillRunning:
            pass
        if not _waiting.acquire(blocking=False):
            raise BodyTooSlow
        try:
            return reading.result(self._left())
        except StillRunning:
            raise BodyTooSlow from None
        finally:
            _waiting.release()

    def _left(self) -> float:
        return max(0.0, (self._deadline or 0.0) - time.monotonic())


_readers = ThreadPoolExecutor(MAX_CONNECTIONS, thread_name_prefix="body")
_waiting = threading.BoundedSemaphore(MAX_WAITING_FOR_BODIES)


def with_timed_bodies(application: WSGIApplication) -> WSGIApplication:
    """The application, whose requests cannot wait for their bodies for ever."""

    def timed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isascii() and length.isdigit() and length != "0":
            environ["wsgi.input"] = TimedBody(environ["wsgi.input"], int(length))
        return application(environ, start_response)

    return timed
