"""What `RATE_LIMITS` says, and one atomic look at Redis."""

import functools
import hashlib
import logging
import math
import re
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import NoScriptError, RedisError

from pms_backend import metrics
from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.api.redis_pipeline import run_pipeline

logger = logging.getLogger(__name__)

WINDOW_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
DEFAULT_RATES = {
    "address": "200/second",
    "webhooks": "100/second",
    "tokens": "30/minute",
    f"{DEFAULT_TIER}.read": "3000/minute",
    f"{DEFAULT_TIER}.write": "1200/minute",
    f"{STOREFRONT_TIER}.read": "6000/minute",
    f"{STOREFRONT_TIER}.write": "600/minute",
}

# A log of the moments of the last N requests: no window of that length, wherever it starts, holds more than N.
_TAKE_ONE: Final = """
local moment = redis.call('TIME')
local now = moment[1] * 1000000 + moment[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]) * 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local used = redis.call('ZCARD', KEYS[1])
local allowed = 0
if used < limit then
  allowed = 1
  used = used + 1
  redis.call('ZADD', KEYS[1], now, now .. ':' .. redis.call('INCR', KEYS[1] .. ':n'))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
  redis.call('PEXPIRE', KEYS[1] .. ':n', math.ceil(window / 1000))
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {allowed, limit - used, math.ceil((tonumber(oldest[2] or now) + window - now) / 1000),
  KEYS[2] and redis.call('GET', KEYS[2]) or false}
"""
# The name under which Redis keeps a script that it has run.
_NAME_OF_TAKE_ONE: Final = hashlib.sha1(_TAKE_ONE.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` requests in any window of `window_seconds`."""

    bucket: str
    limit: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Redis said: whether the request passes, how many more would, and when the next place is free."""

    rate: Rate
    allowed: bool
    remaining: int
    reset_seconds: float
    # What stands at the key that was looked at besides.
    seen: bytes | None = None

    def headers(self) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit` of the IETF's draft."""
        rate = self.rate
        return {
            "RateLimit-Policy": f'"{rate.bucket}";q={rate.limit};w={rate.window_seconds}',
            "RateLimit": f'"{rate.bucket}";r={self.remaining};t={math.ceil(self.reset_seconds)}',
        }


@functools.lru_cache(maxsize=8)
def parse_rates(setting: str) -> dict[str, Rate]:
    """The rate of each bucket; none at all for `off`. Raises `ImproperlyConfigured`."""
    if setting.strip().lower() == "off":
        return {}
    form = 'RATE_LIMITS must be "off" or JSON such as {"default.read": "600/minute"}'
    try:
        own = orjson.loads(setting or "{}")
        rates = {bucket: _parse_rate(bucket, rate) for bucket, rate in {**DEFAULT_RATES, **own}.items()}
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"{form}: {error}.") from None
    return rates


def known_tiers() -> list[str]:
    """Ours, and those that RATE_LIMITS names."""
    named = {bucket.rpartition(".")[0] for bucket in parse_rates(settings.RATE_LIMITS) if "." in bucket}
    own = [DEFAULT_TIER, STOREFRONT_TIER, INTERNAL_TIER]
    return own + sorted(named - set(own))


def _parse_rate(bucket: str, text: str) -> Rate:
    match = re.fullmatch(r"([1-9]\d*)/(second|minute|hour|day)", text)
    if match is None:
        raise ValueError(f"{bucket} is {text!r}, which is no rate")
    return Rate(bucket, int(match[1]), WINDOW_SECONDS[match[2]])


def take(bucket: str, key: str, *, look_at: str = "") -> Verdict | None:
    """Counts one request of `key` against `bucket`; nothing where that has no limit, or Redis is not there.

    What stands at the key `look_at` comes with the verdict, which saves the round trip of a question of its own.
    """
    rate = parse_rates(settings.RATE_LIMITS).get(bucket)
    if rate is None:
        return None
    try:
        allowed, remaining, reset_ms, seen = _take_one(
            [f"pms:rate:{bucket}:{key}", *filter(None, [look_at])], rate.limit, rate.window_seconds
        )
    except RedisError as error:
        metrics.redis_failures_total.labels("rate limit").inc()
        logger.warning("Rate limits are off, Redis does not answer: %s", error)
        return None
    return Verdict(rate, bool(allowed), remaining, reset_ms / 1000, seen)


def take_for_tier(tier: str, key: str, *, write: bool) -> Verdict | None:
    """Counts one request of a client; tiers without limits of their own have those of the default tier."""
    if tier == INTERNAL_TIER:
        return None
    kind = "write" if write else "read"
    bucket = f"{tier}.{kind}"
    if bucket not in parse_rates(settings.RATE_LIMITS):
        bucket = f"{DEFAULT_TIER}.{kind}"
    return take(bucket, key)


def _take_one(keys: list[str], *numbers: int) -> Any:
    arguments = (len(keys), *keys, *numbers)
    try:
        (answer,) = run_pipeline([("EVALSHA", _NAME_OF_TAKE_ONE, *arguments)])
    except NoScriptError:
        (answer,) = run_pipeline([("EVAL", _TAKE_ONE, *arguments)])
    return answer
