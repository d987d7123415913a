"""Verified keys, remembered for seconds.

Looking a key up costs two queries. What a process remembers is good for one *generation*, a random word in Redis that
every request reads: whoever revokes or changes a client replaces it, which all processes feel with their next request.
Without Redis nothing is remembered.
"""

import hashlib
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from redis.exceptions import RedisError

from pms_backend import metrics
from pms_backend.access.caller import Caller
from pms_backend.api.exchange import exchange

logger = logging.getLogger(__name__)

REMEMBERED_SECONDS: Final = 5.0
MAX_REMEMBERED: Final = 10_000
GENERATION_KEY: Final = "pms:access:generation"
# It must outlive what is remembered; it is only the latest that counts.
GENERATION_SECONDS: Final = 86_400
_NOTED: Final = "pms.generation"


@dataclass(frozen=True, slots=True)
class _Memory:
    caller: Caller
    generation: bytes
    until: float


_memories: dict[bytes, _Memory] = {}


def current_generation() -> bytes | None:
    """What is remembered must have been learnt under this one; nothing where Redis does not answer."""
    read = ("GET", GENERATION_KEY)
    try:
        generation: bytes | None
        (generation,) = exchange([read])
        if generation is None:
            made = ("SET", GENERATION_KEY, secrets.token_bytes(16), "NX", "EX", GENERATION_SECONDS)
            _, generation = exchange([made, read])
    except RedisError as error:
        metrics.redis_failures_total.labels("remembered keys").inc()
        logger.warning("Keys are not remembered, Redis does not answer: %s", error)
        return None
    return generation


def note_generation(request: HttpRequest, generation: bytes | None) -> None:
    """Keeps what another look at Redis, since this request came, has seen at `GENERATION_KEY`."""
    request.META[_NOTED] = generation


def generation_for(request: HttpRequest | None) -> bytes | None:
    """The generation as it was noted for this request, or as it is."""
    noted: bytes | None = None if request is None else request.META.get(_NOTED)
    return current_generation() if noted is None else noted


def remember(key: str, caller: Caller, generation: bytes | None) -> None:
    """Keeps who has this key, as it was learnt after `generation` was read."""
    if generation is None:
        return
    if len(_memories) >= MAX_REMEMBERED:
        _memories.clear()
    _memories[_digest(key)] = _Memory(caller, generation, time.monotonic() + REMEMBERED_SECONDS)


def recall(key: str, generation: bytes | None) -> Caller | None:
    """Who has this key, where that was learnt seconds ago and nothing has changed since."""
    memory = _memories.get(_digest(key))
    if memory is None or memory.generation != generation or memory.until < time.monotonic():
        return None
    expires_at = memory.caller.expires_at
    return memory.caller if expires_at is None or expires_at > timezone.now() else None


def forget_after_commit() -> None:
    """Makes every process look all keys up anew, as soon as the running transaction is committed."""
    transaction.on_commit(_forget, robust=True)


def _forget() -> None:
    try:
        exchange([("SET", GENERATION_KEY, secrets.token_bytes(16), "EX", GENERATION_SECONDS)])
    except RedisError:
        metrics.redis_failures_total.labels("remembered keys").inc()
        logger.warning("Redis does not answer: what is remembered is waited out for %s s", REMEMBERED_SECONDS)
        time.sleep(REMEMBERED_SECONDS)


def _digest(key: str) -> bytes:
    # The keys themselves are not kept in memory for longer than their request.
    return hashlib.sha256(key.encode()).digest()
