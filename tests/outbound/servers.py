"""Local servers that misbehave as configured, and a DNS with configured answers."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Respond = Callable[[BaseHTTPRequestHandler], None]


class LocalServer:
    """Handles every GET by `respond`, and records the paths."""

    def __init__(self, respond: Respond, context: ssl.SSLContext | None = None) -> None:
        self.paths: list[str] = []
        self.respond = respond
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.paths.append(self.path)
                server.respond(self)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hung up
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(respond: Respond, context: ssl.SSLContext | None = None) -> Iterator[LocalServer]:
    server = LocalServer(respond, context)
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
