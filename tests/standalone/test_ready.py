"""The supervisor's start is over when everything that it has started works."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.supervisor import STARTED_CHECKS, find_problem

ALL_WORK = {name: {"status": "ok", "detail": "it answers"} for name in STARTED_CHECKS}


class Ready(HTTPServer):
    """Answers like `/health/ready`, with `body`."""

    body: bytes = b""


class Answer(BaseHTTPRequestHandler):
    server: Ready

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def ready() -> Iterator[Ready]:
    with Ready(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def problem_of(ready: Ready) -> str:
    return find_problem(Configuration.from_environment({"PORT": str(ready.server_port), "DATA_DIR": "/nowhere"}))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, ""),
        ({"relay": {"status": "degraded", "detail": "late"}}, ""),
        # Not what it has started.
        ({"storage": {"status": "failed", "detail": "full"}, "circuits": {"status": "degraded", "detail": "1"}}, ""),
        ({"beat": {"status": "failed", "detail": "beat has not been seen yet"}}, "beat: beat has not been seen yet"),
        ({"worker": {"status": "unknown", "detail": "who knows"}}, "worker: who knows"),
        # To whom it tells no details.
        ({"redis": {"status": "failed", "detail": ""}}, "redis: failed"),
    ],
)
def test_the_start_waits_for_what_was_started(ready: Ready, changed: dict[str, Any], problem: str) -> None:
    ready.body = json.dumps({"checks": {**ALL_WORK, **changed}}).encode()

    assert problem_of(ready) == problem


def test_a_check_that_is_missing_is_waited_for(ready: Ready) -> None:
    ready.body = json.dumps({"checks": {name: ALL_WORK[name] for name in STARTED_CHECKS if name != "sockets"}}).encode()

    assert problem_of(ready) == "sockets: not checked"


@pytest.mark.parametrize("body", [b"", b"{}", b"Bad Request"])
def test_another_answer_is_waited_for(ready: Ready, body: bytes) -> None:
    ready.body = body

    assert problem_of(ready).startswith("no answer (")
