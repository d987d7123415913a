"""Rate limits: the setting `RATE_LIMITS`, and counting in one atomic script in Redis (docs/adr/0016)."""

import functools
import hashlib
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import NoScriptError, RedisError

from pms_backend import metrics
from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.api.redis_pipeline import Command, run_pipeline

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

# A sliding log of the last N requests: no window of that length, wherever it starts, holds more than N.
_COUNT_ONE: Final = """
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
# The SHA-1 digest by which Redis finds a script that it has run.
_COUNT_ONE_SHA1: Final = hashlib.sha1(_COUNT_ONE.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` requests in any window of `window_seconds`."""

    bucket: str
    limit: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the request is allowed, how many more would be, and the seconds until the next one is."""

    rate: Rate
    allowed: bool
    remaining: int
    reset_seconds: float
    # The value of the key that was read in the same round trip.
    read_value: bytes | None = None

    def headers(self) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit` of the IETF draft."""
        rate = self.rate
        return {
            "RateLimit-Policy": f'"{rate.bucket}";q={rate.limit};w={rate.window_seconds}',
            "RateLimit": f'"{rate.bucket}";r={self.remaining};t={math.ceil(self.reset_seconds)}',
        }


@functools.lru_cache(maxsize=8)
def parse_rates(setting: str) -> dict[str, Rate]:
    """The rate of each bucket; empty for `off`. Raises `ImproperlyConfigured`."""
    if setting.strip().lower() == "off":
        return {}
    form = 'RATE_LIMITS must be "off" or JSON such as {"default.read": "600/minute"}'
    try:
        own = orjson.loads(setting or "{}")
        rates = {bucket: _parse_rate(bucket, rate) for bucket, rate in {**DEFAULT_RATES, **own}.items()}
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"{form}: {error}.") from None
    return rates


def known_tiers() -> tuple[str, ...]:
    """The built-in tiers and those in RATE_LIMITS."""
    return _tiers_of(settings.RATE_LIMITS)


@functools.lru_cache(maxsize=8)
def _tiers_of(setting: str) -> tuple[str, ...]:
    named = {bucket.rpartition(".")[0] for bucket in parse_rates(setting) if "." in bucket}
    own = (DEFAULT_TIER, STOREFRONT_TIER, INTERNAL_TIER)
    return (*own, *sorted(named - set(own)))


def _parse_rate(bucket: str, text: str) -> Rate:
    match = re.fullmatch(r"([1-9]\d*)/(second|minute|hour|day)", text)
    if match is None:
        raise ValueError(f"{bucket} is {text!r}, which is not a rate")
    return Rate(bucket, int(match[1]), WINDOW_SECONDS[match[2]])


def count_request(bucket: str, key: str, *, also_read: str = "", also_run: Sequence[Command] = ()) -> Verdict | None:
    """Counts one request of `key` against `bucket`; None where the bucket has no limit or Redis is down.

    The value of the Redis key `also_read` comes with the verdict. The commands `also_run` are run in any case. Each
    saves a round trip.
    """
    rate = parse_rates(settings.RATE_LIMITS).get(bucket)
    if rate is None and not also_run:
        return None
    try:
        if rate is None:
            run_pipeline(also_run)
            return None
        allowed, remaining, reset_ms, read_value = _count_one(
            [f"pms:rate:{bucket}:{key}", *filter(None, [also_read])], (rate.limit, rate.window_seconds), also_run
        )
    except RedisError as error:
        metrics.redis_failures_total.labels("rate limit").inc()
        logger.warning("Rate limits are off, Redis does not answer: %s", error)
        return None
    return Verdict(rate, bool(allowed), remaining, reset_ms / 1000, read_value)


def count_request_of_tier(tier: str, key: str, *, write: bool) -> Verdict | None:
    """Counts one request of a client."""
    rate = rate_of_tier(tier, write=write)
    return None if rate is None else count_request(rate.bucket, key)


def rate_of_tier(tier: str, *, write: bool) -> Rate | None:
    """The limit of a tier, which is that of the default tier unless it has its own; None without a limit."""
    if tier == INTERNAL_TIER:
        return None
    kind = "write" if write else "read"
    rates = parse_rates(settings.RATE_LIMITS)
    return rates.get(f"{tier}.{kind}") or rates.get(f"{DEFAULT_TIER}.{kind}")


def _count_one(keys: list[str], numbers: tuple[int, int], also_run: Sequence[Command]) -> Any:
    arguments = (len(keys), *keys, *numbers)
    try:
        answer, *_ = run_pipeline([("EVALSHA", _COUNT_ONE_SHA1, *arguments), *also_run])
    except NoScriptError:
        # Redis has run the other commands of the pipeline all the same.
        (answer,) = run_pipeline([("EVAL", _COUNT_ONE, *arguments)])
    return answer
