"""A web server within the test process; tests/web_process.py starts the real processes."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from pms_backend.standalone.ports import LOOPBACK
from pms_backend.web_server.server import WebServer, WSGIApplication


@contextmanager
def web_server(application: WSGIApplication, *, threads: int = 2) -> Iterator[int]:
    """A server in a thread of the test, which knows the bounds that the test has set; its port."""
    listener = socket.create_server((LOOPBACK, 0))
    server = WebServer(application, listener, threads=threads)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)
        thread.join(5)


def request(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
    """One request on a connection of its own; the answer, read."""
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=20)) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, path, body, named)
        answer = client.getresponse()
        answer.content = answer.read()  # type: ignore[attr-defined]
        return answer
