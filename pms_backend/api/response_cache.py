"""Cached responses: final bytes, stored under the cache generations that they were made of (ADR 0010).

While Redis answers, a reader sees every write that was acknowledged before its request. When Redis does not, or is
slow, the response comes from PostgreSQL: a request waits for the cache no longer than `BUDGET_SECONDS` in all.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from time import monotonic, perf_counter, sleep
from typing import Any, Final

from django.db import connection
from django.http import HttpResponse
from redis.exceptions import RedisError
from rest_framework.request import Request

from pms_backend import metrics
from pms_backend.api.cache_generations import CACHE_SECONDS, TOKEN_BYTES, key_of, new_token
from pms_backend.api.conditional import answer, etag_of
from pms_backend.api.redis_pipeline import MINIMUM_SECONDS, Command, run_pipeline

logger = logging.getLogger(__name__)

# How long one request may wait for the cache, in all.
BUDGET_SECONDS: Final = 0.05
# A larger response costs Redis more than it saves PostgreSQL.
MAX_CACHED_BYTES: Final = 512 * 1024
# A request that does not store its response within this time is considered dead, and another may make it.
FILL_MILLISECONDS: Final = 2_000
# How often a request looks for the response that another one is making.
POLL_SECONDS: Final = 0.003
# How long a Redis that did not answer is left alone.
PAUSE_SECONDS: Final = 1.0

Made = tuple[bytes, int | None]

_hit, _waited, _missed, _failed, _skipped = (
    metrics.response_cache_total.labels(result) for result in ("hit", "wait", "miss", "error", "skip")
)


class ResponseCacheUnavailable(Exception):
    """Redis does not answer, or the request has used up the time that it may wait for the cache."""


def cached_response(
    request: Request, *, visibility: Any, generations: Sequence[str], make: Callable[[], Made]
) -> HttpResponse:
    """The cached response to a read, else the one that `make` reads from the database, which is then stored.

    `make` returns the final bytes and the version for the ETag, if there is one. They may depend on the path, the
    host, the query, `visibility` (compared by its repr), and on what `generations` stand for; on nothing else of the
    request. What `make` raises is not stored.
    """
    if connection.in_atomic_block:
        # A transaction sees its own uncommitted rows, and not yet those of others.
        _skipped.inc()
        body, version = make()
        return answer(request, body, etag_of(body, version))
    entry = CacheEntry(_key(request, visibility), generations)
    try:
        cached = entry.get(is_lookup="no-cache" not in request.headers.get("Cache-Control", "").lower())
    except ResponseCacheUnavailable:
        _failed.inc()
        cached = None
    if cached is not None:
        return answer(request, cached[1], cached[0])
    body, etag = b"", ""
    try:
        body, version = make()
        etag = etag_of(body, version)
    finally:
        entry.store(body, etag)
    return answer(request, body, etag)


def _key(request: Request, visibility: Any) -> str:
    query = sorted(request.query_params.lists())
    parts = (request.path, request.scheme, request.get_host(), query, repr(visibility))
    return "pms:response:" + hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


class _Breaker:
    """Skips the cache for a while after Redis failed, so that a failing Redis does not slow every request."""

    def __init__(self) -> None:
        self._until = 0.0

    def is_open(self) -> bool:
        return monotonic() < self._until

    def open(self, error: Exception) -> None:
        self._until = monotonic() + PAUSE_SECONDS
        metrics.redis_failures_total.labels("responses").inc()
        logger.warning("Responses come from the database for %s s, Redis does not answer: %s", PAUSE_SECONDS, error)


breaker: Final = _Breaker()


class CacheEntry:
    """The entry of one response in Redis, during one request."""

    def __init__(self, key: str, generations: Sequence[str]) -> None:
        self._key = key
        self._token_keys = [key_of(name) for name in generations]
        self._tokens = b""
        self._fills = False
        self._seconds_left = BUDGET_SECONDS

    def get(self, *, is_lookup: bool) -> tuple[str, bytes] | None:
        """The ETag and the bytes; None where the response has to be made. Raises `ResponseCacheUnavailable`."""
        value = self._read()
        if not is_lookup:
            self._fills = True
            _skipped.inc()
            return None
        if (cached := self._if_current(value)) is not None:
            _hit.inc()
            return cached
        # The lock's key holds the tokens: a response of another generation is another response.
        (is_first,) = self._run(("SET", self._lock_key(), 1, "NX", "PX", FILL_MILLISECONDS))
        self._fills = bool(is_first)
        if not self._fills and (cached := self._wait()) is not None:
            _waited.inc()
            return cached
        _missed.inc()
        return None

    def store(self, body: bytes, etag: str) -> None:
        """Stores the response with the tokens that were read before it was made; without an ETag, only unlocks."""
        if not self._fills:
            return
        commands: list[Command] = [("DEL", self._lock_key())]
        if etag and len(body) <= MAX_CACHED_BYTES:
            value = self._tokens + etag.encode() + b"\n" + body
            commands.append(("SET", self._key, value, "EX", CACHE_SECONDS))
        try:
            self._run(*commands)
        except ResponseCacheUnavailable:
            _failed.inc()

    def _read(self) -> bytes | None:
        """Reads the tokens and the stored value in the same instant; makes the tokens that are missing."""
        read = ("MGET", *self._token_keys, self._key)
        ((*tokens, value),) = self._run(read)
        if None in tokens:
            missing = [key for key, token in zip(self._token_keys, tokens, strict=True) if token is None]
            made = [("SET", key, new_token(), "NX", "EX", CACHE_SECONDS) for key in missing]
            *_, (*tokens, value) = self._run(*made, read)
        if None in tokens:
            raise ResponseCacheUnavailable("Redis evicts the tokens as fast as they are made.")
        self._tokens = b"".join(tokens)
        found: bytes | None = value
        return found

    def _if_current(self, value: bytes | None) -> tuple[str, bytes] | None:
        if value is None or not value.startswith(self._tokens):
            return None
        etag, _, body = value[TOKEN_BYTES * len(self._token_keys) :].partition(b"\n")
        return etag.decode(), body

    def _wait(self) -> tuple[str, bytes] | None:
        """The response that another request is making, if it is stored in time."""
        while self._seconds_left > POLL_SECONDS + MINIMUM_SECONDS:
            sleep(POLL_SECONDS)
            self._seconds_left -= POLL_SECONDS
            (value,) = self._run(("GET", self._key))
            if (cached := self._if_current(value)) is not None:
                return cached
        return None

    def _lock_key(self) -> str:
        return f"{self._key}:{self._tokens.hex()}"

    def _run(self, *commands: Command) -> list[Any]:
        """Redis's replies, within what is left of the budget."""
        if self._seconds_left < MINIMUM_SECONDS or breaker.is_open():
            raise ResponseCacheUnavailable
        began = perf_counter()
        try:
            return run_pipeline(commands, seconds=self._seconds_left, cache="responses")
        except RedisError as error:
            breaker.open(error)
            raise ResponseCacheUnavailable from error
        finally:
            self._seconds_left -= perf_counter() - began
