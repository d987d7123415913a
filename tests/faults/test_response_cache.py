"""Cached responses are stale for no longer than the sweep and never slow, whatever process or server fails."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from prometheus_client import REGISTRY
from redis import Redis

from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.api import cache_generations, redis_pipeline
from pms_backend.events.models import Event
from pms_backend.events.services import relay_pending
from products import services
from products.models import Product
from products.views.products import ProductViewSet
from tests.conftest import JSONClient, redis_databases
from tests.factories import make_product
from tests.faults.celery_processes import ROOT, CeleryProcess, database_url
from tests.faults.own_redis import OwnRedis
from tests.machine import is_within
from tests.outages import pipelines_by, redis_down

pytestmark = pytest.mark.django_db(transaction=True)

START_SECONDS = 30
# The sweep, and the time of the relay and of a busy machine.
LATE_SECONDS = settings.SWEEP_SECONDS + 1.5
READS_AFTERWARDS = 20
# A read and a write on a busy machine, on top of the time that Redis gets.
READ_SECONDS = 0.5
USES = ("rate limit", "responses", "wake-up")


@pytest.fixture
def key() -> str:
    return create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key


@pytest.fixture
def product() -> Product:
    return make_product("A-1")


@pytest.fixture
def name(key: str, product: Product) -> Callable[[], str]:
    """The product's name in the response."""
    client = JSONClient(headers={"X-Api-Key": key})

    def read() -> str:
        answer = client.get(f"/api/v1/products/{product.pk}/")
        assert answer.status_code == 200
        return answer.json()["name"]

    return read


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("pms_response_cache_total", {"result": result}) or 0


def failures(use: str) -> float:
    return REGISTRY.get_sample_value("pms_redis_failures_total", {"use": use}) or 0


def until(condition: Callable[[], bool], seconds: float) -> float:
    """The duration; AssertionError if it is longer."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.fixture
def relay(tmp_path: Path, product: Product) -> Iterator[None]:
    """The relay's worker and the beat that makes it sweep, as in the stack."""
    worker = CeleryProcess(
        "worker", "--queues=relay", "--pool=solo", "--without-gossip", "--without-mingle", "--loglevel=ERROR"
    )
    beat = CeleryProcess("beat", f"--schedule={tmp_path / 'beat'}", "--pidfile=", "--loglevel=ERROR")
    with worker, beat:
        until(lambda: not Event.objects.pending().exists(), START_SECONDS)
        yield
        worker.kill()
        beat.kill()


@pytest.mark.usefixtures("relay")
def test_a_writer_killed_between_its_commit_and_its_invalidation_is_seen_within_a_sweep(name, product, key):
    stop, names = threading.Event(), []

    def read_on() -> None:
        while not stop.is_set():
            names.append((time.monotonic(), name(), Product.objects.get().name))
        connections.close_all()

    reader = threading.Thread(target=read_on)
    reader.start()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.faults.dies_before_its_wakeup", f"/api/v1/products/{product.pk}/",
         json.dumps({"name": "Lantern"}), key],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": database_url()}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    until(lambda: names[-1][1] == "Lantern", START_SECONDS)
    fresh = len(names)
    until(lambda: len(names) > fresh + READS_AFTERWARDS, START_SECONDS)
    stop.set()
    reader.join()

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    committed_at = next(moment for moment, _, stored in names if stored == "Lantern")
    late = [moment - committed_at for moment, shown, stored in names if (shown, stored) == ("Lamp", "Lantern")]
    # It was stale for a while, since no invalidation arrived, and is current from then on.
    assert late != []
    assert is_within(max(late), LATE_SECONDS)
    assert {shown for _, shown, _ in names[fresh:]} == {"Lantern"}


@pytest.mark.parametrize("is_invalidated", [True, False], ids=["invalidated", "never invalidated"])
def test_redis_flushed_during_a_fill_stores_no_outdated_response(name, product, monkeypatch, is_invalidated):
    has_read, go_on = threading.Event(), threading.Event()
    original = ProductViewSet._product

    def slowly(view: ProductViewSet, product_id: int, *fields: str) -> Any:
        made = original(view, product_id, *fields)
        if threading.current_thread() is filler:
            has_read.set()
            go_on.wait(10)
        return made

    def fill() -> None:
        shown.append(name())
        connections.close_all()

    shown: list[str] = []
    monkeypatch.setattr(ProductViewSet, "_product", slowly)
    filler = threading.Thread(target=fill)
    filler.start()
    assert has_read.wait(10)

    for redis in redis_databases():
        redis.flushdb()
    with pytest.MonkeyPatch.context() as patch:
        if not is_invalidated:
            patch.setattr(cache_generations, "replacement_commands", lambda _: [])
        services.update_product(product_id=product.pk, data={"name": "Lantern"})
    go_on.set()
    filler.join()

    assert shown == ["Lamp"]
    assert [name(), name()] == ["Lantern", "Lantern"]


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    """A Redis of its own for all that sends pipelines, with connections like ours."""
    redis = OwnRedis(tmp_path / "redis")
    timeout = settings.REDIS_TIMEOUT_SECONDS
    client = Redis.from_url(f"{redis.url}/1?socket_timeout={timeout}&socket_connect_timeout={timeout}")
    with pipelines_by(lambda _: client):
        yield redis
    with contextlib.suppress(ProcessLookupError):
        redis.go_on()
    redis.processes.close()


@pytest.mark.parametrize("harm", [OwnRedis.pause, OwnRedis.kill], ids=["paused", "killed"])
def test_without_redis_reads_and_writes_wait_for_it_once_together(own_redis, name, product, harm, settings, caplog):
    settings.RATE_LIMITS = ""
    assert [name(), name()] == ["Lamp", "Lamp"]
    errors, failed = counted("error"), {use: failures(use) for use in USES}

    harm(own_redis)
    began = time.perf_counter()
    seconds = []
    for _ in range(4):
        before = time.perf_counter()
        assert name() == "Lamp"
        services.update_product(product_id=product.pk, data={"brand": str(before)})
        seconds.append(time.perf_counter() - before)
    pauses = (time.perf_counter() - began) / redis_pipeline.PAUSE_SECONDS

    assert counted("error") - errors == 4
    assert [failures(use) - failed[use] for use in USES] == [4, 4, 4]
    assert is_within(max(seconds), settings.REDIS_TIMEOUT_SECONDS + READ_SECONDS)
    # Only the first has asked it, and perhaps another after a pause.
    assert 1 <= caplog.text.count("Redis does not answer") <= 1 + pauses


def test_responses_are_cached_again_when_redis_is_back(own_redis, name):
    name()
    own_redis.kill()
    name()
    own_redis.start()

    time.sleep(redis_pipeline.PAUSE_SECONDS)
    name()
    before = counted("hit")
    name()

    assert counted("hit") - before == 1


def test_the_next_sweep_repeats_invalidations_that_redis_did_not_accept(name, product):
    relay_pending()
    name()
    with redis_down():
        services.update_product(product_id=product.pk, data={"name": "Lantern"})
        relay_pending()

    assert name() == "Lamp"
    assert relay_pending() == 0
    assert name() == "Lantern"
    assert not cache_generations._outstanding
