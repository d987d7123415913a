"""Outages of Redis, made by real connections that are refused."""

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
    """Sends every pipeline to the server of `client_of(cache)`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_pipeline, "get_redis_connection", client_of)
        patch.setattr(redis_pipeline, "_of_thread", threading.local())
        yield


@contextmanager
def redis_down() -> Iterator[None]:
    """Redis is down for wake-ups, rate limits, cache generations and cached keys, but not for the response cache."""

    def client_of(cache: str) -> Any:
        return get_redis_connection(cache) if cache == "responses" else Redis.from_url(NOBODY_LISTENS)

    with pipelines_by(client_of):
        yield
