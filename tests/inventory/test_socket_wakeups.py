"""The relay's bell for the sockets: one connection for as long as the relay runs."""

from typing import Any

from django.conf import settings
from redis import Redis

from inventory.receivers import HUB_GROUP, _SocketWakeUp

RINGS = 20


def connections_made(redis: Redis) -> int:
    stats: Any = redis.info("stats")
    return stats["total_connections_received"]


def test_it_keeps_its_connection() -> None:
    redis = Redis.from_url(settings.REDIS_CHANNELS_URL)
    # Somebody in the group, so that there is something to send.
    redis.zadd(f"pms:group:{HUB_GROUP}", {"hub.test!one": 2**40})
    wake_up = _SocketWakeUp()
    wake_up.send(1)
    before = connections_made(redis)

    for sequence in range(RINGS):
        wake_up.send(sequence)

    assert connections_made(redis) == before
    assert redis.zcard("pmshub.test!") == RINGS + 1
