"""Health and metrics are answered while all threads of the application wait."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.web_server.running import request, web_server

THREADS = 2


class Hanging:
    """An application whose requests wait until the test ends, except those that watch it."""

    def __init__(self) -> None:
        self.waiting = threading.Semaphore(0)
        self.is_over = threading.Event()
        self.threads: set[int] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"].startswith("/api/"):
            self.waiting.release()
            self.is_over.wait(60)
        else:
            self.threads.add(threading.get_ident())
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@pytest.fixture
def hanging() -> Iterator[tuple[int, Hanging]]:
    """The port of a server whose threads all wait, with one more request in the queue."""
    application = Hanging()
    with web_server(application, threads=THREADS) as port, ThreadPoolExecutor(THREADS + 1) as pool:
        for _ in range(THREADS + 1):
            pool.submit(request, port, "GET", "/api/v1/products/")
        try:
            for _ in range(THREADS):
                assert application.waiting.acquire(timeout=10)
            yield port, application
        finally:
            application.is_over.set()


def test_what_watches_is_answered_by_one_thread_while_all_others_wait(hanging: tuple[int, Hanging]):
    port, application = hanging

    for path in ("/health/live", "/health/ready", "/metrics", "/metrics?name[]=a"):
        assert request(port, "GET", path).content == b"ok"

    assert len(application.threads) == 1
    assert not application.is_over.is_set()
