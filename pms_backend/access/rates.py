"""Rate limits: the setting `RATE_LIMITS`, and counting in Redis (docs/adr/0016)."""

import functools
import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError

from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.api.redis_pipeline import Command, report_failure, run_pipeline
from pms_backend.api.redis_script import Count, Log, run_script
from pms_backend.api.response_headers import Prepared

# The use of Redis in metrics, and what it means that it failed.
USE: Final = "rate limit"
CONSEQUENCE: Final = "Rate limits are off"

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


class Rate(NamedTuple):
    """At most `limit` requests in any window of `window_seconds`."""

    bucket: str
    limit: int
    window_seconds: int


class Verdict(NamedTuple):
    """Whether the request is allowed, how many more would be, and the seconds until the next one is."""

    rate: Rate
    allowed: bool
    remaining: int
    reset_seconds: float

    def is_tighter_than(self, other: "Verdict") -> bool:
        """Whether this one is refused, or leaves a smaller part of its limit."""
        if self.allowed != other.allowed:
            return not self.allowed
        return self.remaining * other.rate.limit < other.remaining * self.rate.limit

    def headers(self) -> Prepared:
        """`RateLimit-Policy` and `RateLimit` of the IETF draft."""
        rate = self.rate
        return {
            "ratelimit-policy": ("RateLimit-Policy", f'"{rate.bucket}";q={rate.limit};w={rate.window_seconds}'),
            "ratelimit": ("RateLimit", f'"{rate.bucket}";r={self.remaining};t={math.ceil(self.reset_seconds)}'),
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


def rate_of(bucket: str) -> Rate | None:
    """The limit of a bucket; None without a limit."""
    return parse_rates(settings.RATE_LIMITS).get(bucket)


@functools.lru_cache(maxsize=1_000)
def log_of(rate: Rate, key: str) -> Log:
    """Where the requests of `key` are counted against the rate."""
    return Log(f"pms:limit:{rate.bucket}:{key}", rate.limit, rate.window_seconds)


def verdict_of(rate: Rate, count: Count) -> Verdict:
    """What the count means for the request."""
    remaining, reset_ms = count
    return Verdict(rate, remaining >= 0, max(remaining, 0), reset_ms / 1000)


def count_request(bucket: str, key: str, *, also_run: Sequence[Command] = ()) -> Verdict | None:
    """Counts one request of `key` against `bucket`; None where the bucket has no limit or Redis is down.

    The commands `also_run` are run in any case, in the same round trip.
    """
    rate = rate_of(bucket)
    if rate is None and not also_run:
        return None
    try:
        if rate is None:
            run_pipeline(also_run)
            return None
        count = run_script(first=log_of(rate, key), also_run=also_run).first
    except RedisError as error:
        report_failure(USE, CONSEQUENCE, error)
        return None
    return None if count is None else verdict_of(rate, count)


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
