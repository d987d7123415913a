"""A receiver of webhooks, which checks their signatures as our own endpoint does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pms_integration.connectors.standard import StandardConnector

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WAIT_SECONDS = 30


class Receiver:
    """Answers 202, or the answers that are put into `answers`, one each; remembers what came, in order."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, headers = receiver.receive(self.rfile.read(int(self.headers["Content-Length"])), self.headers)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def receive(self, body: bytes, headers: Any) -> tuple[int, dict[str, str]]:
        webhook_id = StandardConnector().verify(headers, body, [SECRET])
        with self._changed:
            self.messages.append(json.loads(body))
            self.ids.append(webhook_id)
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else (202, {})

    def wait_for(self, number: int) -> list[dict[str, Any]]:
        """The first so many messages."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.messages) >= number, WAIT_SECONDS), self.messages
            return self.messages[:number]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
