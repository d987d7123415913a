"""The relay wakes the sockets' hubs over one connection, for as long as it runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from inventory.receivers import HUB_GROUP, _SocketWakeUp
from tests.faults.own_redis import OwnRedis

WAKE_UPS = 20


@pytest.fixture
def redis(tmp_path: Path, settings: Any) -> Iterator[Redis]:
    """A Redis of the test's own: nobody else connects to it, so that every connection counts."""
    own = OwnRedis(tmp_path / "redis")
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": [f"{own.url}/2"]}}}
    with Redis.from_url(f"{own.url}/2") as client:
        yield client
    own.processes.close()


def connections_made(redis: Redis) -> int:
    stats: Any = redis.info("stats")
    return stats["total_connections_received"]


def test_wake_ups_use_one_connection(redis: Redis) -> None:
    # The group needs a member, or there is nothing to send.
    redis.zadd(f"pms:group:{HUB_GROUP}", {"hub.test!one": 2**40})
    wake_up = _SocketWakeUp()
    wake_up.send(1)
    before = connections_made(redis)

    for sequence in range(WAKE_UPS):
        wake_up.send(sequence)

    assert connections_made(redis) == before
    assert redis.zcard("pmshub.test!") == WAKE_UPS + 1
