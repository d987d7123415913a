"""What it is like when a server is away: real connections that are refused."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django_redis import get_redis_connection
from redis import Redis

from pms_backend.api import redis_pipeline

NOBODY_LISTENS = "redis://127.0.0.1:1"


@contextmanager
def pipelines_by(client_of: Callable[[str], Any]) -> Iterator[None]:
    """Every exchange is with the server of `client_of(cache)`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_pipeline, "get_redis_connection", client_of)
        patch.setattr(redis_pipeline, "_of_thread", threading.local())
        yield


@contextmanager
def redis_down() -> Iterator[None]:
    """Bells, limits, generations and remembered keys find nobody there; kept answers do."""

    def client_of(cache: str) -> Any:
        return get_redis_connection(cache) if cache == "responses" else Redis.from_url(NOBODY_LISTENS)

    with pipelines_by(client_of):
        yield
