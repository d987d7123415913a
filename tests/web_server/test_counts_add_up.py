"""`pms_http_requests_total` rises by what was answered, whatever becomes of the processes."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pms_backend.metrics.reading import totals
from tests.waiting import wait_until
from tests.web_process import WebServer, descendants, web_server

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

REQUESTS: Final = "pms_http_requests_total"
PATHS: Final = ("/health/live", "/wp-login.php", "/api/v1/products/", "/admin/", "/static/operations/admin.css")
CLIENTS: Final = 4
LOST: Final = "lost"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """The web program with its two processes; this process reads their counters."""
    directory = tmp_path / "metrics"
    with web_server(tmp_path, METRICS_DIR=str(directory), RATE_LIMITS="off") as running:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(directory))
        yield running


def by_class() -> Counter[str]:
    """The present count of each class of status."""
    found: Counter[str] = Counter()
    for labels, value in totals([REQUESTS])[REQUESTS].items():
        found[dict(labels)["status"]] += int(value)
    return found


def durations() -> int:
    return int(sum(totals(["pms_http_request_seconds_count"])["pms_http_request_seconds_count"].values()))


def send(server: WebServer, count: int) -> Counter[str]:
    """Sends requests on a connection that stays open; a request whose connection ends is lost."""
    answered: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for number in range(count):
        try:
            connection.request("GET", PATHS[number % len(PATHS)])
            response = connection.getresponse()
            response.read()
            answered[f"{response.status // 100}xx"] += 1
        except (OSError, http.client.HTTPException):
            connection.close()
            answered[LOST] += 1
    connection.close()
    return answered


def send_what_cannot_be_read(server: WebServer) -> Counter[str]:
    """Sends a head that does not reach the application."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n")
        return Counter([f"{client.recv(12).split()[1][:1].decode()}xx"])


def at_once(send: Callable[[int], Counter[str]]) -> Counter[str]:
    with ThreadPoolExecutor(CLIENTS) as threads:
        return sum(threads.map(send, range(CLIENTS)), Counter())


def test_the_counts_are_what_was_answered(server: WebServer):
    before, seconds_before = by_class(), durations()

    answered = at_once(lambda _: send(server, 25) + send_what_cannot_be_read(server))

    assert by_class() - before == answered
    assert set(answered) == {"2xx", "3xx", "4xx"}
    assert durations() - seconds_before == answered.total() == CLIENTS * 26
    assert_a_scrape_shows_the_counts_of_all(server)


@pytest.mark.slow
def test_the_counts_stay_right_when_a_process_is_killed(server: WebServer):
    before = by_class()
    killed, *_ = processes = descendants(server.pid)
    threading.Timer(0.1, os.kill, (killed, signal.SIGKILL)).start()
    answered = at_once(lambda _: send(server, 100))
    wait_until(lambda: len({*descendants(server.pid)} - {killed}) == len(processes))
    answered += at_once(lambda _: send(server, 50))

    lost = answered.pop(LOST, 0)
    risen = by_class() - before
    assert answered.total() + lost == CLIENTS * 150
    assert all(risen[status] >= count for status, count in answered.items())
    assert answered.total() <= risen.total() <= answered.total() + lost
    assert durations() == by_class().total()
    assert_a_scrape_shows_the_counts_of_all(server)


def assert_a_scrape_shows_the_counts_of_all(server: WebServer) -> None:
    expected = by_class()
    text = httpx.get(f"{server.base_url}/metrics").text

    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == REQUESTS:
                found[sample.labels["status"]] += int(sample.value)
    assert found == expected


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/health/live", "/wp-login.php"])
def test_the_counts_are_what_wrk_sent(server: WebServer, path: str):
    wrk = shutil.which("wrk")
    if wrk is None:
        pytest.skip("There is no wrk.")
    before = by_class()

    report = subprocess.run(
        (wrk, "--connections", "8", "--threads", "2", "--duration", "10s", f"{server.base_url}{path}"),
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip

    sent = int(re.search(r"(\d+) requests in", report)[1])  # type: ignore[index]
    risen = by_class() - before
    # wrk does not count the requests that are under way when it stops, one for each connection.
    assert sent <= risen.total() <= sent + 8
    assert len(risen) == 1
