"""Eight readers and four writers: nobody is shown what is older than what was acknowledged before it asked."""

import contextlib
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis.exceptions import RedisError

from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.api import cache_generations, redis_pipeline, response_cache
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

SKUS = ("A-1", "A-2")
READERS = 8
SECONDS = 4.0
# On a busy machine it goes on until there was enough to see.
MOST_SECONDS = 14.0
ENOUGH_READS, ENOUGH_WRITES, ENOUGH_HITS = 100, 40, 20
# Without it hardly any cached response would be read before it is stale.
WRITERS_PAUSE_SECONDS = 0.02
PRODUCTS = "/api/v1/products/"
ADJUSTMENTS = "/api/v1/inventory/adjustments/"

# (product, what) → how far it has come: a version that rises by edits, an `on_hand` that rises by receipts.
State = dict[tuple[int, str], int]


class Stack:
    """Readers and writers, and the acknowledged writes."""

    def __init__(self) -> None:
        make_location("main")
        self.products = [make_product(sku, name="0").pk for sku in SKUS]
        for sku in SKUS:
            set_stock(sku, "main", 1)
        self.key = create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
        self.acknowledged: State = {}
        self.stale: list[str] = []
        self.reads = self.writes = 0
        self._lock = threading.Lock()
        self._began, self._hits = time.monotonic(), hits()

    def run(self) -> list[Any]:
        """Runs all at once, until the time is over or a reader has seen a stale response."""
        jobs: list[Callable[[], None]] = [partial(self._read_on, seed) for seed in range(READERS)]
        jobs += [partial(self._edit_on, product) for product in self.products]
        jobs += [partial(self._receive_on, *pair) for pair in zip(self.products, SKUS, strict=True)]
        return at_once(jobs)

    def _goes_on(self) -> bool:
        seconds = time.monotonic() - self._began
        return not self.stale and (seconds < SECONDS or (seconds < MOST_SECONDS and not self.has_seen_enough()))

    def has_seen_enough(self) -> bool:
        """Whether there were enough reads, writes and cache hits to see a stale response."""
        return self.reads >= ENOUGH_READS and self.writes >= ENOUGH_WRITES and hits() - self._hits >= ENOUGH_HITS

    def _client(self) -> JSONClient:
        return JSONClient(headers={"X-Api-Key": self.key})

    def _edit_on(self, product: int) -> None:
        client = self._client()
        while self._goes_on():
            answer = client.patch(f"{PRODUCTS}{product}/", {"name": str(time.monotonic_ns())})
            assert answer.status_code == 200, answer.content
            self._acknowledge((product, "version"), answer.json()["version"])
            time.sleep(WRITERS_PAUSE_SECONDS)

    def _receive_on(self, product: int, sku: str) -> None:
        client = self._client()
        body = {"sku": sku, "location": "main", "delta": 1, "reason": "receipt"}
        while self._goes_on():
            answer = client.post(ADJUSTMENTS, body)
            assert answer.status_code == 201, answer.content
            self._acknowledge((product, "on_hand"), answer.json()["level"]["on_hand"])
            time.sleep(WRITERS_PAUSE_SECONDS)

    def _acknowledge(self, what: tuple[int, str], value: int) -> None:
        with self._lock:
            self.acknowledged[what] = value
            self.writes += 1

    def _read_on(self, seed: int) -> None:
        client, chance = self._client(), random.Random(seed)
        while self._goes_on():
            url = chance.choice([PRODUCTS, *(f"{PRODUCTS}{product}/" for product in self.products)])
            with self._lock:
                acknowledged = dict(self.acknowledged)
            answer = client.get(url)
            assert answer.status_code == 200, answer.content
            body = answer.json()
            for shown in body.get("results", [body]):
                self._compare(url, shown, acknowledged)

    def _compare(self, url: str, shown: dict[str, Any], acknowledged: State) -> None:
        seen = {"version": shown["version"], "on_hand": shown["variants"][0]["stock"]["on_hand"]}
        for what, value in seen.items():
            known = acknowledged.get((shown["id"], what), 0)
            if value < known:
                self.stale.append(f"{url}: {what} {value}, but {known} had been acknowledged")
        with self._lock:
            self.reads += 1


def hits() -> float:
    """Responses from the cache, at once or after waiting for another request."""
    counted = (REGISTRY.get_sample_value("pms_response_cache_total", {"result": kind}) for kind in ("hit", "wait"))
    return sum(filter(None, counted))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve threads in one process wait for the interpreter longer than a web server's four: Redis is not to blame."""
    monkeypatch.setattr(response_cache, "WAIT_SECONDS", 0.5)
    monkeypatch.setattr(redis_pipeline, "PAUSE_SECONDS", 0.05)


def test_no_reader_sees_a_response_older_than_an_acknowledged_write() -> None:
    stack = Stack()

    results = stack.run()

    assert results == [None] * len(results)
    assert stack.stale == []
    assert stack.has_seen_enough()


def test_without_invalidation_readers_see_stale_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_generations, "replacement_commands", lambda _: [])
    stack = Stack()

    results = stack.run()

    assert results == [None] * len(results)
    assert stack.stale != []


def test_reading_tokens_after_the_database_shows_stale_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The promise needs this order: data read before its tokens would be cached as new."""
    store = response_cache.CacheEntry.store

    def read_tokens_last(entry: Any, body: bytes, etag: str) -> None:
        if entry._fills:
            time.sleep(0.01)
            with contextlib.suppress(RedisError):
                entry._look_up()
        store(entry, body, etag)

    monkeypatch.setattr(response_cache.CacheEntry, "store", read_tokens_last)
    stack = Stack()

    results = stack.run()

    assert results == [None] * len(results)
    assert stack.stale != []
