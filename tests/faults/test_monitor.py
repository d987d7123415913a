"""The monitor tells an outage once and its end once, hangs with nothing, and goes on where the one before ended."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db.models import F

from pms_backend.operations.models import Alert, Heartbeat
from tests.faults.monitor_process import monitor
from tests.faults.own_redis import OwnRedis
from tests.outbound.servers import LocalServer, saying, serving
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

Breaks = tuple[Callable[[OwnRedis], Any], Callable[[OwnRedis], Any]]


def lines_about(name: str, server: LocalServer) -> list[str]:
    """The lines of all messages that are about an alert."""
    texts = [orjson.loads(request.body)["text"] for request in list(server.received)]
    return [line for text in texts for line in text.splitlines() if line.startswith((f"ALERT {name}", f"OVER {name}"))]


def is_open(name: str) -> bool:
    return Alert.objects.open().filter(name=name).exists()


def is_over(name: str) -> bool:
    return Alert.objects.filter(name=name, resolved_at__isnull=False).exists() and not is_open(name)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[OwnRedis]:
    """A Redis that the test breaks."""
    redis = OwnRedis(tmp_path / "redis")
    yield redis
    redis.processes.close()


def wait_until_it_has_looked() -> None:
    """Waits for the end of a monitor's first look: its heartbeat is written before and after."""
    wait_until(lambda: Heartbeat.objects.filter(name="monitor", beat_at__gt=F("steady_since")).exists(), "a look")


@pytest.mark.parametrize(
    "breaks",
    [(OwnRedis.kill, OwnRedis.start), (OwnRedis.pause, OwnRedis.go_on)],
    ids=["killed", "hung"],
)
def test_an_outage_of_redis_is_told_once_and_its_end_once(tmp_path: Path, redis: OwnRedis, breaks: Breaks):
    stop, go_on = breaks
    with serving(saying(b"ok")) as server:
        address = f"http://127.0.0.1:{server.port}/hook"
        with monitor(tmp_path, redis_url=redis.url, webhook_url=address):
            wait_until_it_has_looked()

            stop(redis)
            wait_until(lambda: len(lines_about("redis", server)) == 1, "the alert")
            wait_until(lambda: is_open("redis"), "its row")
            go_on(redis)
            wait_until(lambda: is_over("redis"), "the end of the alert")
            wait_until(lambda: len(lines_about("redis", server)) == 2, "the message of its end")

    opening, end = lines_about("redis", server)
    assert opening.startswith("ALERT redis: Redis has failed, since ")
    assert opening.endswith("See docs/operations.md, section “Alert: redis”.")
    assert end.startswith("OVER redis: Redis has failed. It lasted ")


def test_a_monitor_that_is_killed_tells_nothing_twice_and_the_next_tells_the_end(tmp_path: Path, redis: OwnRedis):
    with serving(saying(b"ok")) as server:
        address = f"http://127.0.0.1:{server.port}/hook"
        with monitor(tmp_path, redis_url=redis.url, webhook_url=address) as first:
            wait_until_it_has_looked()
            redis.kill()
            wait_until(lambda: Alert.objects.filter(name="redis", told_at__isnull=False).exists(), "the told alert")
            wait_until(lambda: len(lines_about("redis", server)) == 1, "its message")
            first.kill()
        Heartbeat.objects.all().delete()
        with monitor(tmp_path, redis_url=redis.url, webhook_url=address):
            wait_until_it_has_looked()
            redis.start()
            wait_until(lambda: len(lines_about("redis", server)) == 2, "the message of the end")

    assert [line.split()[0] for line in lines_about("redis", server)] == ["ALERT", "OVER"]
    assert Alert.objects.filter(name="redis").count() == 1
