"""Local servers that misbehave as configured, and a DNS with configured answers."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Respond = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Received:
    """A request; `connection` counts the connections from 1, by which one that was kept alive is known."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class LocalServer:
    """Handles every request by `respond`, and records it. `keep_alive`: as HTTP/1.1, a connection has several."""

    def __init__(self, respond: Respond, context: ssl.SSLContext | None = None, *, keep_alive: bool = False) -> None:
        self.received: list[Received] = []
        self.respond = respond
        self.connections = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"
            # Head and body are two writes: on a connection that is kept alive, the second waits 40 ms otherwise.
            disable_nagle_algorithm = True

            def setup(self) -> None:
                server.connections += 1
                self.connection_number = server.connections
                super().setup()

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.received.append(Received(self.command, self.path, headers, body, self.connection_number))
                server.respond(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hung up
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.received]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(
    respond: Respond, context: ssl.SSLContext | None = None, *, keep_alive: bool = False
) -> Iterator[LocalServer]:
    server = LocalServer(respond, context, keep_alive=keep_alive)
    try:
        yield server
    finally:
        server.stop()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if "Content_Length" not in headers:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def saying(body: bytes, status: int = 200, **headers: str) -> Respond:
    return lambda handler: send(handler, body, status, **headers)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Sends the body byte by byte, for longer than any timeout."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def dripping_head(handler: BaseHTTPRequestHandler) -> None:
    """Sends the head byte by byte."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.05)


def hanging_up(handler: BaseHTTPRequestHandler) -> None:
    """Closes the connection instead of a response."""
    handler.close_connection = True


class Names:
    """The DNS: each name has a list of answers, of which the last is repeated."""

    def __init__(self, monkeypatch: Any) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        real = socket.getaddrinfo

        def fake(host: Any, port: Any, *args: Any, **more: Any) -> Any:
            if host not in self.answers:
                try:
                    socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
                except OSError:
                    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
                return real(host, port, *args, **more)
            self.asked.append(host)
            answers = self.answers[host]
            addresses = answers.pop(0) if len(answers) > 1 else answers[0]
            families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
            pairs = zip(families, addresses, strict=True)
            return [(family, socket.SOCK_STREAM, 6, "", (address, port or 0)) for family, address in pairs]

        monkeypatch.setattr(socket, "getaddrinfo", fake)

    def set(self, host: str, *answers: list[str]) -> None:
        self.answers[host] = list(answers)
