"""Answers kept as final bytes, under the generations that they were made of (ADR 0010).

While Redis answers, a reader sees every write that was acknowledged before its request. When Redis does not, or is
slow, the answer comes from PostgreSQL: a request waits for the cache no longer than `BUDGET_SECONDS`, all in all.
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
from pms_backend.api.conditional import answer, etag_of
from pms_backend.api.exchange import LEAST_SECONDS, Command, exchange
from pms_backend.api.generations import KEPT_SECONDS, WORD_BYTES, key_of, new_word

logger = logging.getLogger(__name__)

# The whole of what one request may wait for the cache.
BUDGET_SECONDS: Final = 0.05
# A larger answer costs Redis more than it saves PostgreSQL.
MAX_KEPT_BYTES: Final = 512 * 1024
# After this, whoever began to make an answer is taken for dead, and another may.
FILL_MILLISECONDS: Final = 2_000
# Who waits for another's answer looks this often.
LOOK_SECONDS: Final = 0.003
# So long nobody asks a Redis that did not answer.
PAUSE_SECONDS: Final = 1.0

Made = tuple[bytes, int | None]

_hit, _waited, _missed, _failed, _skipped = (
    metrics.answer_cache_total.labels(result) for result in ("hit", "wait", "miss", "error", "skip")
)


class CacheUnavailable(Exception):
    """Redis does not answer, or what the request may wait for it is used up."""


def cached(request: Request, *, visibility: Any, generations: Sequence[str], make: Callable[[], Made]) -> HttpResponse:
    """The answer to a read: as it is kept, else as `make` reads it from the database, which is then kept.

    `make` returns the final bytes and the version for the ETag, if there is one. They may depend on the address, the
    host, the query, `visibility` (compared by its repr), and on what `generations` stand for; on nothing else of the
    request. What `make` raises is not kept.
    """
    if connection.in_atomic_block:
        # What a transaction sees may never come true, and what it does not see may be kept.
        _skipped.inc()
        body, version = make()
        return answer(request, body, etag_of(body, version))
    shelf = _Shelf(_key(request, visibility), generations)
    try:
        kept = shelf.take(looks="no-cache" not in request.headers.get("Cache-Control", "").lower())
    except CacheUnavailable:
        _failed.inc()
        kept = None
    if kept is not None:
        return answer(request, kept[1], kept[0])
    body, etag = b"", ""
    try:
        body, version = make()
        etag = etag_of(body, version)
    finally:
        shelf.put(body, etag)
    return answer(request, body, etag)


def _key(request: Request, visibility: Any) -> str:
    query = sorted(request.query_params.lists())
    asked = (request.path, request.scheme, request.get_host(), query, repr(visibility))
    return "pms:answer:" + hashlib.blake2b(repr(asked).encode(), digest_size=16).hexdigest()


class _Breaker:
    """Leaves a Redis alone that has just failed, so that its failing costs one request in a while, not every one."""

    def __init__(self) -> None:
        self._until = 0.0

    def is_open(self) -> bool:
        return monotonic() < self._until

    def open(self, error: Exception) -> None:
        self._until = monotonic() + PAUSE_SECONDS
        metrics.redis_failures_total.labels("answers").inc()
        logger.warning("Answers come from the database for %s s, Redis does not answer: %s", PAUSE_SECONDS, error)


breaker: Final = _Breaker()


class _Shelf:
    """One answer's place in Redis, during one request."""

    def __init__(self, key: str, generations: Sequence[str]) -> None:
        self._key = key
        self._word_keys = [key_of(name) for name in generations]
        self._words = b""
        self._fills = False
        self._left = BUDGET_SECONDS

    def take(self, *, looks: bool) -> tuple[str, bytes] | None:
        """The ETag and the bytes; nothing where they have to be made. Raises `CacheUnavailable`."""
        value = self._read()
        if not looks:
            self._fills = True
            _skipped.inc()
            return None
        if (kept := self._opened(value)) is not None:
            _hit.inc()
            return kept
        # By its words too: who makes the answer of another generation makes another answer.
        (is_first,) = self._ask(("SET", self._lock_key(), 1, "NX", "PX", FILL_MILLISECONDS))
        self._fills = bool(is_first)
        if not self._fills and (kept := self._wait()) is not None:
            _waited.inc()
            return kept
        _missed.inc()
        return None

    def put(self, body: bytes, etag: str) -> None:
        """Keeps the answer under the words that were read before it was made; without one, lets another try."""
        if not self._fills:
            return
        commands: list[Command] = [("DEL", self._lock_key())]
        if etag and len(body) <= MAX_KEPT_BYTES:
            value = self._words + etag.encode() + b"\n" + body
            commands.append(("SET", self._key, value, "EX", KEPT_SECONDS))
        try:
            self._ask(*commands)
        except CacheUnavailable:
            _failed.inc()

    def _read(self) -> bytes | None:
        """Reads the words and, in the same instant, what is kept; makes the words that are missing."""
        read = ("MGET", *self._word_keys, self._key)
        ((*words, value),) = self._ask(read)
        if None in words:
            missing = [key for key, word in zip(self._word_keys, words, strict=True) if word is None]
            made = [("SET", key, new_word(), "NX", "EX", KEPT_SECONDS) for key in missing]
            *_, (*words, value) = self._ask(*made, read)
        if None in words:
            raise CacheUnavailable("The words go as fast as they come.")
        self._words = b"".join(words)
        found: bytes | None = value
        return found

    def _opened(self, value: bytes | None) -> tuple[str, bytes] | None:
        if value is None or not value.startswith(self._words):
            return None
        etag, _, body = value[WORD_BYTES * len(self._word_keys) :].partition(b"\n")
        return etag.decode(), body

    def _wait(self) -> tuple[str, bytes] | None:
        """What another is making just now, if it comes in time."""
        while self._left > LOOK_SECONDS + LEAST_SECONDS:
            sleep(LOOK_SECONDS)
            self._left -= LOOK_SECONDS
            (value,) = self._ask(("GET", self._key))
            if (kept := self._opened(value)) is not None:
                return kept
        return None

    def _lock_key(self) -> str:
        return f"{self._key}:{self._words.hex()}"

    def _ask(self, *commands: Command) -> list[Any]:
        """What Redis answers, if it does so in what is left of the budget."""
        if self._left < LEAST_SECONDS or breaker.is_open():
            raise CacheUnavailable
        began = perf_counter()
        try:
            return exchange(commands, seconds=self._left, cache="answers")
        except RedisError as error:
            breaker.open(error)
            raise CacheUnavailable from error
        finally:
            self._left -= perf_counter() - began
