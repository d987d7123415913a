"""Cached responses: final bytes, stored under the cache generations that they were made of (ADR 0010).

While Redis answers, a reader sees every write that was acknowledged before its request. When it does not, the response
comes from PostgreSQL.
"""

import hashlib
import threading
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.request import Request

from pms_backend import metrics
from pms_backend.api.cache_generations import CACHE_SECONDS, TOKEN_BYTES, key_of, new_token
from pms_backend.api.conditional import answer, etag_of
from pms_backend.api.redis_pipeline import Command, report_failure, run_pipeline, send_pipeline
from pms_backend.api.redis_script import HELD, MAKE, LookUp, run_script
from pms_backend.api.thread_database import is_in_transaction

# How long one request may wait for the response that another one is making.
WAIT_SECONDS: Final = 0.05
# How often it looks for that response.
POLL_SECONDS: Final = 0.003
# A larger response costs Redis more than it saves PostgreSQL.
MAX_CACHED_BYTES: Final = 512 * 1024
# A process holds so many bytes of responses, so that Redis need not send them while their tokens are current.
MAX_HELD_BYTES: Final = 8 * 1024 * 1024
# What each takes besides its body: its key, its tokens, its ETag, and the objects.
_HELD_ENTRY_BYTES: Final = 512
_ENTRY: Final = "pms.cache_entry"

Made = tuple[bytes, int | None]

_hit, _waited, _missed, _failed, _skipped = (
    metrics.response_cache_total.labels(result) for result in ("hit", "wait", "miss", "error", "skip")
)


class CachedResponse(NamedTuple):
    """The bytes of a response and its ETag."""

    etag: str
    body: bytes


def cached_response(
    request: Request, *, visibility: Any, generations: Sequence[str], make: Callable[[], Made]
) -> HttpResponse:
    """The cached response to a read, else the one that `make` reads from the database, which is then stored.

    `make` returns the final bytes and the version for the ETag, if there is one. They may depend on the path, the
    host, the query, `visibility` (compared by its repr), and on what `generations` stand for; on nothing else of the
    request. What `make` raises is not stored.
    """
    # A transaction sees its own uncommitted rows, and not yet those of others.
    if is_in_transaction():
        _skipped.inc()
        body, version = make()
        return answer(request._request, body, etag_of(body, version))
    entry = CacheEntry.of(request._request, visibility, generations)
    cached = entry.get()
    if cached is not None:
        return answer(request._request, cached.body, cached.etag)
    body, etag = b"", ""
    try:
        body, version = make()
        etag = etag_of(body, version)
    finally:
        entry.store(body, etag)
    return answer(request._request, body, etag)


def _key(request: HttpRequest, visibility: Any) -> str:
    sent = request.META
    query = sorted(request.GET.lists()) if sent.get("QUERY_STRING") else []
    # A middleware has validated the host, and `get_host` would do so again.
    host = sent.get("HTTP_HOST") or request.get_host()
    parts = (request.path, request.scheme, host, query, visibility)
    return "pms:response:" + hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


class _HeldResponses:
    """Copies of responses in this process. One is used only while Redis confirms its tokens in the same request.

    So none is used longer than `CACHE_SECONDS`: no token lives longer.
    """

    def __init__(self) -> None:
        self._copies: dict[str, tuple[bytes, CachedResponse]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> tuple[bytes, CachedResponse] | None:
        return self._copies.get(key)

    def hold(self, key: str, tokens: bytes, response: CachedResponse) -> None:
        with self._lock:
            if self._bytes > MAX_HELD_BYTES:
                self._copies.clear()
                self._bytes = 0
            if (replaced := self._copies.get(key)) is not None:
                self._bytes -= len(replaced[1].body) + _HELD_ENTRY_BYTES
            self._copies[key] = tokens, response
            self._bytes += len(response.body) + _HELD_ENTRY_BYTES


_NOTHING_HELD: Final = (b"", CachedResponse("", b""))
_held: Final = _HeldResponses()


class CacheEntry:
    """The entry of one response in Redis, during one request."""

    def __init__(self, request: HttpRequest, visibility: Any, generations: Sequence[str]) -> None:
        self._key = _key(request, visibility)
        self._made_of = (visibility, generations)
        self._token_keys = [key_of(name) for name in generations]
        self._held_tokens, self._held = _held.get(self._key) or _NOTHING_HELD
        self._is_lookup = "no-cache" not in request.META.get("HTTP_CACHE_CONTROL", "").lower()
        self._tokens: bytes | None = None
        self._found: bytes | int | None = None
        self._fills = False

    @classmethod
    def of(cls, request: HttpRequest, visibility: Any, generations: Sequence[str]) -> "CacheEntry":
        """The one that was looked up with the request's limits, else a new one."""
        noted: CacheEntry | None = request.META.get(_ENTRY)
        if noted is not None and noted._made_of == (visibility, generations):
            return noted
        return cls(request, visibility, generations)

    @property
    def look_up(self) -> LookUp:
        """For the script that counts the request."""
        held = self._held_tokens if self._is_lookup else b""
        return LookUp(self._key, self._token_keys, held, is_lookup=self._is_lookup)

    def note(self, request: HttpRequest, tokens: bytes | None, found: bytes | int | None) -> None:
        """Keeps what the script found for the rest of the request."""
        self._tokens, self._found = tokens, found
        request.META[_ENTRY] = self

    def current(self) -> CachedResponse | None:
        """The response if the script has found it."""
        if self._found == HELD and self._is_lookup:
            _hit.inc()
            return self._held
        if isinstance(self._found, bytes):
            _hit.inc()
            return self._parsed(self._found)
        return None

    def get(self) -> CachedResponse | None:
        """The response; None where it has to be made, with or without the cache."""
        try:
            if self._tokens is None:
                self._look_up()
            if (cached := self.current()) is not None:
                return cached
            self._fills = self._found == MAKE or not self._is_lookup
            if not self._is_lookup:
                _skipped.inc()
                return None
            if not self._fills and (cached := self._wait()) is not None:
                _waited.inc()
                return cached
        except RedisError as error:
            report_failure("responses", "Responses come from the database", error)
            _failed.inc()
            return None
        _missed.inc()
        return None

    def store(self, body: bytes, etag: str) -> None:
        """Stores the response with the tokens that were read before it was made; without an ETag, only unlocks.

        Nobody waits for Redis to do it.
        """
        if not self._fills or self._tokens is None:
            return
        commands: list[Command] = [("DEL", self._lock_key())]
        if etag and len(body) <= MAX_CACHED_BYTES:
            _held.hold(self._key, self._tokens, CachedResponse(etag, body))
            value = self._tokens + etag.encode() + b"\n" + body
            commands.append(("SET", self._key, value, "EX", CACHE_SECONDS))
        try:
            send_pipeline(commands)
        except RedisError as error:
            report_failure("responses", "A response is not stored", error)
            _failed.inc()

    def _look_up(self) -> None:
        """Reads the tokens and the stored value in the same instant; makes the tokens that are missing."""
        reply = run_script(look_up=self.look_up)
        if reply.tokens is None:
            run_pipeline([("SET", key, new_token(), "NX", "EX", CACHE_SECONDS) for key in self._token_keys])
            reply = run_script(look_up=self.look_up)
        if reply.tokens is None:
            raise RedisError("it evicts the tokens as fast as they are made.")
        self._tokens, self._found = reply.tokens, reply.found

    def _parsed(self, value: bytes) -> CachedResponse:
        etag, _, body = value[TOKEN_BYTES * len(self._token_keys) :].partition(b"\n")
        cached = CachedResponse(etag.decode(), body)
        _held.hold(self._key, value[: TOKEN_BYTES * len(self._token_keys)], cached)
        return cached

    def _wait(self) -> CachedResponse | None:
        """The response that another request is making, if it is stored in time."""
        deadline = monotonic() + WAIT_SECONDS
        while monotonic() + POLL_SECONDS < deadline:
            sleep(POLL_SECONDS)
            (value,) = run_pipeline([("GET", self._key)])
            if value is not None and self._tokens is not None and value.startswith(self._tokens):
                return self._parsed(value)
        return None

    def _lock_key(self) -> bytes:
        return self._key.encode() + b":" + (self._tokens or b"")
