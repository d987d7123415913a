"""The check `sockets` asks the socket server itself, as the proxy in front of it would."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import override_settings

from pms_backend.operations import health

pytestmark = pytest.mark.django_db


class Sockets(HTTPServer):
    """Answers with `status`, and keeps what it was asked."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[tuple[str, str | None, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Sockets

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Host"], self.headers["X-Forwarded-Proto"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    with Sockets() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def status_of_check(url: str) -> str:
    with override_settings(SOCKETS_URL=url):
        return health.run_checks()["sockets"].status


@override_settings(ALLOWED_HOSTS=[".example.com", "localhost"])
def test_it_is_asked_by_an_allowed_name_and_as_over_https(sockets: Sockets):
    assert status_of_check(sockets.url) == "ok"
    assert set(sockets.asked) == {("/health/live", "example.com", "https")}


def test_another_answer_is_a_failure(sockets: Sockets):
    sockets.status = 400

    assert status_of_check(sockets.url) == "failed"


def test_no_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "SOCKETS_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(health.SOCKETS, "last_value", None)
    # It accepts, as the kernel does for a process that is stopped, and says nothing.
    with HTTPServer(("127.0.0.1", 0), Answer) as silent:
        assert status_of_check(f"http://127.0.0.1:{silent.server_port}") == "failed"


def test_without_an_address_there_is_no_such_check():
    assert "sockets" not in health.run_checks()
