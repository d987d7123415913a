"""A cache of verified API keys, for seconds and in each process.

Looking a key up costs two queries. A cached key is valid under one *generation*, a random token in Redis that every
request reads: whoever revokes or changes a client replaces the token, and every process notices with its next request.
Without Redis nothing is cached.
"""

import hashlib
import logging
import secrets
import time
from typing import Final, NamedTuple

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from redis.exceptions import RedisError

from pms_backend import metrics
from pms_backend.access.caller import Caller
from pms_backend.api.redis_pipeline import report_failure, run_pipeline

logger = logging.getLogger(__name__)

CACHED_SECONDS: Final = 5.0
MAX_CACHED_KEYS: Final = 10_000
GENERATION_KEY: Final = "pms:access:generation"
# The token outlives every cached key; only the latest token counts.
GENERATION_SECONDS: Final = 86_400
_NOTED: Final = "pms.generation"


class CachedKey(NamedTuple):
    """The caller of a key, as it was looked up after this generation was read."""

    caller: Caller
    generation: bytes
    # By the monotonic clock.
    ends_at: float


_keys: dict[bytes, CachedKey] = {}


def current_generation() -> bytes | None:
    """The generation that cached keys must belong to; None where Redis does not answer."""
    read = ("GET", GENERATION_KEY)
    try:
        generation: bytes | None
        (generation,) = run_pipeline([read])
        if generation is None:
            made = ("SET", GENERATION_KEY, secrets.token_bytes(16), "NX", "EX", GENERATION_SECONDS)
            _, generation = run_pipeline([made, read])
    except RedisError as error:
        report_failure("key cache", "API keys are not cached", error)
        return None
    return generation


def note_generation(request: HttpRequest, generation: bytes | None) -> None:
    """Stores on the request the generation that was read with its rate limits."""
    request.META[_NOTED] = generation


def generation_for(request: HttpRequest | None) -> bytes | None:
    """The generation that was noted on the request, else the current one."""
    noted: bytes | None = None if request is None else request.META.get(_NOTED)
    return current_generation() if noted is None else noted


def store(key: str, caller: Caller, generation: bytes | None) -> None:
    """Caches whose key this is, as it was looked up after `generation` was read."""
    if generation is None:
        return
    if len(_keys) >= MAX_CACHED_KEYS:
        _keys.clear()
    _keys[_digest(key)] = CachedKey(caller, generation, time.monotonic() + CACHED_SECONDS)


def get(key: str, generation: bytes | None) -> Caller | None:
    """The caller whose key this is, if it was cached under this generation, seconds ago, and has not expired."""
    cached = get_unconfirmed(key)
    return cached.caller if cached is not None and cached.generation == generation else None


def get_unconfirmed(key: str) -> CachedKey | None:
    """The caller whose key this is, provided that the generation under which it was cached is still the current one."""
    cached = _keys.get(_digest(key))
    if cached is None or cached.ends_at < time.monotonic():
        return None
    expires_at = cached.caller.expires_at
    return cached if expires_at is None or expires_at > timezone.now() else None


def invalidate_after_commit() -> None:
    """Makes every process look up all keys again, as soon as the running transaction commits."""
    transaction.on_commit(_invalidate, robust=True)


def _invalidate() -> None:
    try:
        # Other processes may still reach a Redis that this one leaves alone, and use their cached keys.
        run_pipeline(
            [("SET", GENERATION_KEY, secrets.token_bytes(16), "EX", GENERATION_SECONDS)],
            timeout_in_pause=settings.REDIS_TIMEOUT_SECONDS,
        )
    except RedisError:
        metrics.redis_failures_total.labels("key cache").inc()
        logger.warning("Redis does not answer: waiting %s s until all cached keys have expired", CACHED_SECONDS)
        time.sleep(CACHED_SECONDS)


def _digest(key: str) -> bytes:
    # The keys themselves are not kept in memory longer than their request.
    return hashlib.sha256(key.encode()).digest()
