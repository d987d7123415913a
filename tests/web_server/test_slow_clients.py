"""The web processes end clients that send slowly or nothing, and serve all others meanwhile."""

import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from pms_backend.access import services
from pms_backend.web_server.limits import BODY_SECONDS, HEAD_SECONDS
from tests.factories import make_location, make_variant
from tests.machine import is_within
from tests.web_process import web_server
from tests.web_server.running import request

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

SLOW, UPLOADING, IDLE = 200, 100, 100
# The promise to all other clients.
PROMISED_SECONDS = 1.0
SLACK_SECONDS = 5
PAUSE_SECONDS = 0.05
TIMED_OUT = b"408 Request Timeout"


def head(path: str, content_type: str, length: int, key: str | None) -> bytes:
    credentials = f"X-Api-Key: {key}\r\n" if key else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{credentials}"
        f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


class Attack(threading.Thread):
    """Opens a connection for each of `opening`, sends that, then a byte a second until all connections have ended."""

    def __init__(self, port: int, opening: list[bytes]) -> None:
        super().__init__(daemon=True)
        self.endings: Counter[bytes] = Counter()
        self.seconds = 0.0
        self.began = time.monotonic()
        self.clients = selectors.DefaultSelector()
        for content in opening:
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(content)
            client.setblocking(False)
            self.clients.register(client, selectors.EVENT_READ, data=bool(content))

    def run(self) -> None:
        next_byte = time.monotonic()
        while self.clients.get_map() and time.monotonic() - self.began < 60:
            for key, _ in self.clients.select(timeout=0.2):
                self._end(key.fileobj)
            if time.monotonic() >= next_byte:
                next_byte += 1
                self._send_a_byte()
        self.seconds = time.monotonic() - self.began

    def _send_a_byte(self) -> None:
        for key in list(self.clients.get_map().values()):
            if key.data:
                try:
                    key.fileobj.send(b"x")
                except ConnectionError:
                    self._end(key.fileobj)

    def _end(self, client: socket.socket) -> None:
        try:
            answer = client.recv(4096).partition(b"\r\n")[0].partition(b" ")[2]
        except ConnectionError:
            answer = b"reset"
        self.endings[answer] += 1
        self.clients.unregister(client)
        client.close()


class SlowUpload(threading.Thread):
    """Sends a file in twenty-one pieces, with a pause after each."""

    def __init__(self, port: int, key: str, pause_seconds: float) -> None:
        super().__init__(daemon=True)
        self.pause_seconds = pause_seconds
        self.body = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
            b"Handle,Title\nlamp,Lamp\n" + b"\n" * 60_000 + b"\r\n--x--\r\n"
        )
        self.client = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.client.sendall(head("/api/v1/products/imports/", "multipart/form-data; boundary=x", len(self.body), key))
        self.answer = b""

    def run(self) -> None:
        for start in range(0, len(self.body), 3_000):
            self.client.sendall(self.body[start : start + 3_000])
            time.sleep(self.pause_seconds)
        self.answer = self.client.recv(4096).partition(b"\r\n")[0]
        self.client.close()


@pytest.fixture
def port(seconds: int, tmp_path: Path) -> Iterator[int]:
    """A web server that waits so long for a head, and for a body."""
    bounds = tmp_path / "bounds.py"
    bounds.write_text(
        "from pms_backend.web_server import connection, request\n"
        f"connection.HEAD_SECONDS = request.HEAD_SECONDS = request.BODY_SECONDS = {seconds}\n"
    )
    options = () if seconds == HEAD_SECONDS else ("--config", str(bounds))
    with web_server(tmp_path, options) as server:
        yield server.port


def slowest(port: int, key: str, attack: Attack) -> dict[str, float]:
    """The longest that anybody else waits for health and for an adjustment, as long as the attack goes on.

    `machine`: the longest that the machine, busy with other tests, did not wake a sleeping thread.
    """
    body = orjson.dumps({"sku": "A-1", "location": "main", "delta": 1, "reason": "receipt"})
    seconds = {"health": 0.0, "adjustment": 0.0, "machine": 0.0}
    while attack.is_alive():
        began = time.monotonic()
        assert request(port, "GET", "/health/live").status == 200
        between = time.monotonic()
        answer = request(
            port, "POST", "/api/v1/inventory/adjustments/", body, X_Api_Key=key, Content_Type="application/json"
        )
        assert answer.status == 201, answer.content
        after = time.monotonic()
        time.sleep(PAUSE_SECONDS)
        seconds["health"] = max(seconds["health"], between - began)
        seconds["adjustment"] = max(seconds["adjustment"], after - between)
        seconds["machine"] = max(seconds["machine"], time.monotonic() - after - PAUSE_SECONDS)
    return seconds


@pytest.mark.parametrize("seconds", [3, pytest.param(HEAD_SECONDS, marks=pytest.mark.slow)])
def test_slow_clients_keep_nobody_out_and_are_ended_but_an_honest_slow_upload_is_not(port: int, seconds: int):
    assert HEAD_SECONDS == BODY_SECONDS
    key = services.create_api_client(name="tests", scopes=["inventory:write", "products:write"]).api_key
    make_variant(sku="A-1")
    make_location("main")
    opening = []
    for sent in (None, key):
        opening += [head("/api/v1/inventory/adjustments/", "application/json", 1000, sent)] * SLOW
        opening += [head("/api/v1/products/imports/", "multipart/form-data; boundary=x", 5_000_000, sent)] * UPLOADING
        opening += [b"POST /api/v1/products/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: "] * (IDLE // 2)
    opening += [b""] * IDLE

    # In all longer than a body may take that does not move on.
    upload = SlowUpload(port, key, pause_seconds=0.11 * seconds)
    attack = Attack(port, opening)
    for thread in (upload, attack):
        thread.start()
    waited = slowest(port, key, attack)
    upload.join()

    # A request is handed from thread to thread a dozen times on its way.
    allowed = PROMISED_SECONDS + 12 * waited.pop("machine")
    assert is_within(max(waited.values()), allowed), (waited, allowed)
    assert sum(attack.endings.values()) == len(opening)
    # What has sent nothing is ended without a word.
    assert attack.endings == {TIMED_OUT: len(opening) - IDLE, b"": IDLE}
    assert upload.answer == b"HTTP/1.1 202 Accepted"
    assert is_within(attack.seconds, 2 * seconds + SLACK_SECONDS)
