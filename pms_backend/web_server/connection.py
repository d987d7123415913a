"""A client's connection, with deadlines for sending a request and for reading the response."""

import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from pms_backend.web_server.limits import HEAD_SECONDS, KEEP_ALIVE_SECONDS, MIN_BYTES_PER_SECOND, SEND_SECONDS
from pms_backend.web_server.refusals import LATE, RefusalTask
from pms_backend.web_server.request import BoundedRequest


class ApplicationTask(WSGITask):
    """Keeps the connection open after a response without a body (304), which Waitress would close."""

    def set_close_on_finish(self) -> None:
        """Closes the connection only if the client asked for that, or if a body ends with the connection."""
        is_last = self.version == "1.0" or self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or is_last:
            super().set_close_on_finish()


class Connection(HTTPChannel):
    """Waitress's channel, with deadlines."""

    task_class = ApplicationTask
    error_task_class = RefusalTask

    request: BoundedRequest | None  # the next one, while it arrives

    def __init__(self, server: Any, *arguments: Any, **more: Any) -> None:
        self.parser_class = partial(BoundedRequest, spool=server.spool)
        self.idle_since = time.monotonic()
        self._idle_until = self.idle_since + HEAD_SECONDS
        self._sent_bytes = 0
        self._checked: tuple[float, int] | None = None
        super().__init__(server, *arguments, **more)

    def end_if_overdue(self, now: float) -> None:
        """Ends the connection if its client did not send its request, or read its response, in time."""
        if not self.total_outbufs_len:
            self._checked = None
        elif self._reads_too_slowly(now):
            self.abort()
        if self.requests:
            return
        if self.request is not None:
            if now > self.request.deadline:
                self._refuse_late(self.request)
        elif not self.total_outbufs_len and now > self._idle_until:
            self.abort()

    def abort(self) -> None:
        """Ends the connection at once. The I/O loop sees the end of the socket and removes the connection."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.will_close = True

    def send(self, data: bytes, do_close: bool = True) -> int:  # noqa: FBT001, FBT002 - Waitress's signature
        """Counts the bytes that the client has read."""
        sent: int = super().send(data, do_close=do_close)
        self._sent_bytes += sent
        return sent

    def service(self) -> None:
        """Serves a request, in a thread of the application."""
        super().service()
        self.idle_since = time.monotonic()
        self._idle_until = self.idle_since + KEEP_ALIVE_SECONDS

    def handle_close(self) -> None:
        """Deletes a request that has arrived only in part."""
        super().handle_close()
        if self.request is not None:
            self.request.close()
            self.request = None

    def _reads_too_slowly(self, now: float) -> bool:
        since, sent = self._checked or (now, self._sent_bytes)
        is_due = now - since >= SEND_SECONDS
        is_slow = self._sent_bytes - sent < SEND_SECONDS * MIN_BYTES_PER_SECOND
        self._checked = (now, self._sent_bytes) if is_due or self._checked is None else self._checked
        return is_due and is_slow

    def _refuse_late(self, late: BoundedRequest) -> None:
        with self.requests_lock:
            self.request = None
            if not late.headers_finished:
                # Waitress needs a request line for its response.
                late.parse_header(b"GET / HTTP/1.0\r\n")
            late.refuse(LATE)
            self.requests.append(late)
            self.server.add_task(self)
