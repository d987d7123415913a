"""The server: accepts connections, and closes those that are overdue or one too many."""

import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from pms_backend import metrics
from pms_backend.api.limits import MAX_UPLOAD_BYTES
from pms_backend.web_server.connection import Connection
from pms_backend.web_server.dispatcher import Dispatcher
from pms_backend.web_server.limits import (
    ACCEPT_STEP_SECONDS,
    BACKLOG,
    CHECK_SECONDS,
    LONGEST_ACCEPT_SECONDS,
    MAX_BUFFERED_BYTES,
    MAX_CONNECTIONS,
    MAX_HEAD_BYTES,
    MAX_UNSENT_BYTES,
    OPEN_FILES,
)
from pms_backend.web_server.request import Spool

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WebServer(TcpWSGIServer):
    """Waitress's server, with deadlines for its connections. It never refuses a new connection."""

    channel_class = Connection

    def __init__(
        self,
        application: WSGIApplication,
        listener: socket.socket,
        *,
        threads: int,
        on_check: Callable[[], None] = lambda: None,
    ) -> None:
        """`threads` run the application, one more what watches it; `listener` may be shared with other processes.

        `on_check` is called by the I/O loop every `CHECK_SECONDS`.
        """
        self.spool = Spool()
        self._on_check = on_check
        dispatcher = Dispatcher()
        dispatcher.set_thread_count(threads)
        super().__init__(
            application,
            _sock=listener,
            bind_socket=False,
            dispatcher=dispatcher,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            adj=Adjustments(
                threads=threads,
                backlog=BACKLOG,
                connection_limit=OPEN_FILES,
                cleanup_interval=CHECK_SECONDS,
                asyncore_loop_timeout=CHECK_SECONDS,
                # select() cannot watch more than 1,024 files.
                asyncore_use_poll=True,
                max_request_header_size=MAX_HEAD_BYTES,
                max_request_body_size=MAX_UPLOAD_BYTES + 1,
                recv_bytes=MAX_BUFFERED_BYTES,
                inbuf_overflow=MAX_BUFFERED_BYTES,
                outbuf_overflow=MAX_BUFFERED_BYTES,
                outbuf_high_watermark=MAX_UNSENT_BYTES,
                # The application decides itself which X-Forwarded-* to trust (pms_backend/access/addresses.py).
                clear_untrusted_proxy_headers=False,
                # A client that disconnects is not an error.
                log_socket_errors=False,
                ident=None,
            ),
        )

    def maintenance(self, now: float) -> None:
        """Ends the connections with overdue clients, and measures how many threads are busy."""
        self._on_check()
        metrics.web_threads_busy.set(self.task_dispatcher.active_count)
        moment = time.monotonic()
        for connection in list(self.active_channels.values()):
            connection.end_if_overdue(moment)

    def handle_accept(self) -> None:
        """Accepts a connection; at the limit, it closes the one that has been idle longest.

        All processes see a new client at the same time. The one with the fewest connections accepts it first.
        """
        time.sleep(min(len(self.active_channels) * ACCEPT_STEP_SECONDS, LONGEST_ACCEPT_SECONDS))
        if len(self.active_channels) >= MAX_CONNECTIONS:
            idle = [one for one in self.active_channels.values() if not one.requests and not one.will_close]
            if idle:
                min(idle, key=lambda one: one.idle_since).abort()
        super().handle_accept()
