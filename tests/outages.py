"""What it is like when a server is away: real connections that are refused."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from pms_backend.access import remembered

NOBODY_LISTENS = "redis://127.0.0.1:1"


@contextmanager
def redis_down() -> Iterator[None]:
    """Whoever looks at Redis for what is remembered finds nobody there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remembered, "get_redis_connection", lambda _: Redis.from_url(NOBODY_LISTENS))
        yield
