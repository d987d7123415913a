"""Outages of Redis, made by real connections that are refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis

from pms_backend.api import redis_pipeline

NOBODY_LISTENS = "redis://127.0.0.1:1"


@contextmanager
def pipelines_by(client_of: Callable[[str], Any]) -> Iterator[None]:
    """Sends every pipeline to the server of `client_of(cache)`, which is tried at first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_pipeline, "get_redis_connection", client_of)
        patch.setattr(redis_pipeline, "_of_thread", redis_pipeline._OfThread())
        patch.setattr(redis_pipeline, "breaker", redis_pipeline.Breaker())
        yield


@contextmanager
def redis_down() -> Iterator[None]:
    """Redis is down for everything that sends pipelines: limits, cached keys and responses, generations, wake-ups."""
    with pipelines_by(lambda _: Redis.from_url(NOBODY_LISTENS)):
        yield
