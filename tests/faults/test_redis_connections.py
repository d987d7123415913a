"""A web process has only as many connections to Redis as its threads need."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from redis import Redis

from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.celery import app
from tests.factories import make_location, make_product
from tests.faults.celery_processes import ROOT, database_url
from tests.faults.own_redis import OwnRedis
from tests.ports import free_port_pair

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS = 12
REQUESTS = 4
PATIENCE_SECONDS = 30
BROKER, CACHE = "0", settings.REDIS_CACHE_URL[-1]
# Each of those that the process shares for its tasks is two: one was tried at first, one sends.
OF_THE_BROKER = 2 * app.conf.broker_pool_limit


class Web:
    """A web process on a Redis of its own, whose every other connection is known."""

    def __init__(self, directory: Path) -> None:
        self.redis = OwnRedis(directory)
        self.client = Redis.from_url(self.redis.url)
        self.base = f"http://127.0.0.1:{(port := free_port_pair())}"
        self.key = create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
        environment = {**os.environ, "DATABASE_URL": database_url(), "REDIS_URL": self.redis.url, "RATE_LIMITS": "off"}
        command = (sys.executable, "-m", "tests.faults.thread_per_request", str(port))
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment)
        self.until(self._is_up)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()
        self.redis.processes.close()

    def only_the_brokers_are_left(self) -> bool:
        """Those of the process; each thread's own, which are the cache's, have ended with it."""
        databases = Counter(row["db"] for row in self.client.client_list())
        # The test's own is there too.
        return databases[CACHE] == 0 and databases[BROKER] - 1 <= OF_THE_BROKER

    def serve_many(self) -> None:
        """Reads and writes by several clients at once; each of their requests has a thread of its own."""

        def ask(_: int) -> None:
            with httpx.Client(base_url=f"{self.base}/api/v1", headers={"X-Api-Key": self.key}, timeout=60) as http:
                for _ in range(REQUESTS):
                    assert http.get("/products/").status_code == 200
                    change = {"sku": "A-1", "location": "main", "delta": 1, "reason": "receipt"}
                    assert http.post("/inventory/adjustments/", json=change).status_code == 201

        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(ask, range(CLIENTS)))

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s"
            time.sleep(0.05)

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.base}/health/live").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    make_location("main")
    make_product("A-1")
    web = Web(tmp_path / "redis")
    yield web
    web.stop()


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_threads_that_end_leave_none_behind(web: Web, rounds: int) -> None:
    for _ in range(rounds):
        web.serve_many()

        web.until(web.only_the_brokers_are_left)


@pytest.mark.parametrize("rounds", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_restart_of_redis_leaves_none_behind(web: Web, rounds: int) -> None:
    for _ in range(rounds):
        web.serve_many()
        web.redis.kill()
        web.serve_many()  # reads and writes go on without it
        web.redis.start()
        web.serve_many()

        web.until(web.only_the_brokers_are_left)


@pytest.mark.parametrize("rounds", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_redis_that_says_nothing_for_a_while_leaves_none_behind(web: Web, rounds: int) -> None:
    for _ in range(rounds):
        web.redis.pause()
        try:
            httpx.get(f"{web.base}/api/v1/products/", headers={"X-Api-Key": web.key}, timeout=60)
        finally:
            web.redis.go_on()
        web.serve_many()

        web.until(web.only_the_brokers_are_left)
