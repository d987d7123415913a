"""The web server as it is started, and clients that send a byte a second: the others are served meanwhile."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from django.db import connection

from pms_backend.api.limits import BODY_SECONDS
from pms_backend.standalone.children import HEAD_TIMEOUT_SECONDS, WEB_THREADS, WEB_WORKERS, the_house
from pms_backend.standalone.configuration import Configuration
from tests.factories import make_connection
from tests.flows.stack import ROOT
from tests.ports import free_port_pair

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

HEAD = b"POST /api/v1/webhooks/pms/demo/ HTTP/1.1\r\nHost: localhost\r\n"
SLOW_BODY = HEAD + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
SLACK_SECONDS = 3


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where the web child listens, on the test database."""
    port = free_port_pair()
    configuration = Configuration.from_environment({"DATA_DIR": str(tmp_path), "PORT": str(port)})
    web = next(child for child in the_house(configuration).children if child.name == "web")
    database = connection.settings_dict["NAME"]
    url = os.environ["DATABASE_URL"].partition("?")
    environment = {**os.environ, "DATABASE_URL": url[0].rpartition("/")[0] + f"/{database}" + "".join(url[1:])}
    process = subprocess.Popen(web.arguments, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
    try:
        wait_until_it_answers(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/health/live")
            return
        time.sleep(0.1)
    pytest.fail("The web server does not answer.")


class SlowClient(threading.Thread):
    """Sends `at_once`, then a byte a second, until it is answered or cut off."""

    def __init__(self, port: int, at_once: bytes) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(1)
        self.at_once = at_once
        self.answer = b""
        self.seconds = 0.0

    def run(self) -> None:
        began = time.monotonic()
        with suppress(ConnectionError):
            self.socket.sendall(self.at_once)
            while time.monotonic() - began < 30:
                with suppress(TimeoutError):
                    self.answer = self.socket.recv(4096)
                    break
                self.socket.sendall(b"x")
        self.seconds = time.monotonic() - began
        self.socket.close()


def attack(port: int, at_once: bytes, *, clients: int) -> list[SlowClient]:
    slow = [SlowClient(port, at_once) for _ in range(clients)]
    for client in slow:
        client.start()
    time.sleep(1.5)
    return slow


def slowest_answer(port: int, times: int = 20) -> float:
    """How long others wait at most, meanwhile: each on a connection of its own, to whichever process takes it."""
    seconds = []
    for number in range(times):
        began = time.monotonic()
        if number % 2:
            answer = httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=10)
            assert answer.status_code == 200
        else:
            answer = httpx.post(f"http://127.0.0.1:{port}/api/v1/webhooks/pms/demo/", json={}, timeout=10)
            assert answer.status_code == 401
        seconds.append(time.monotonic() - began)
    return max(seconds)


def test_slow_bodies_keep_nobody_out_and_are_ended(port: int):
    make_connection("demo")

    slow = attack(port, SLOW_BODY, clients=3 * WEB_WORKERS * WEB_THREADS)
    waited = slowest_answer(port)
    for client in slow:
        client.join()

    assert waited < 2
    assert {client.answer.split(b"\r\n")[0] for client in slow} == {b"HTTP/1.1 408 Request Timeout"}
    assert max(client.seconds for client in slow) < BODY_SECONDS + SLACK_SECONDS


def test_slow_heads_keep_nobody_out_and_are_cut_off(port: int):
    slow = attack(port, HEAD + b"X-Slow: ", clients=50)
    idle = attack(port, b"", clients=1)
    make_connection("demo")
    waited = slowest_answer(port)
    for client in slow + idle:
        client.join()

    assert waited < 2
    assert {client.answer for client in slow} <= {b"", b"HTTP/1.1 408 Request Timeout"}
    assert max(client.seconds for client in slow + idle) < HEAD_TIMEOUT_SECONDS + SLACK_SECONDS
