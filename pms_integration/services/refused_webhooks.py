"""How many webhooks of a connection were refused lately, and why: a hint for staff, and no ledger.

Anybody can send forged webhooks, so a refusal must cost next to nothing. It writes nothing to PostgreSQL, where each
would lock the row that counts them. Redis counts: a refusal shares the round trip of its rate limit, and a connection
has three fields of an hour's hash, however many refusals there are. Each hash expires by itself, so that no task is
needed. Where Redis is away, a refusal is not counted; when Redis is emptied, the counts begin again.

Only connections that exist are counted: nobody fills Redis with names.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from django.utils import timezone
from redis.exceptions import RedisError

from pms_backend.api.redis_pipeline import Command, report_failure, run_pipeline
from pms_integration.services.receiving import is_connected

HOURS: Final = 24
# Staff are told on the dashboard about what was refused since then.
RECENT: Final = timedelta(hours=1)
_HOUR_SECONDS: Final = 3600
_USE: Final = "refused webhooks"


class WebhookRefusal(StrEnum):
    """Why a webhook is refused."""

    WRONG_SIGNATURE = "wrong_signature"
    NO_SIGNATURE = "no_signature"
    STALE = "stale"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"


@dataclass(frozen=True, slots=True)
class RefusedWebhooks:
    """The refused webhooks of a connection in the last 24 hours, the present one included."""

    count: int
    since: datetime
    last_at: datetime
    last_reason: WebhookRefusal

    @property
    def is_recent(self) -> bool:
        """Whether the last one was refused within `RECENT`."""
        return timezone.now() - self.last_at < RECENT


def count_refused_webhook(*, slug: str, reason: WebhookRefusal) -> None:
    """Counts a refused webhook, if there is an active connection with this slug."""
    try:
        run_pipeline(commands_to_count(slug=slug, reason=reason))
    except RedisError as error:
        report_failure(_USE, "A refused webhook is not counted", error)


def commands_to_count(*, slug: str, reason: WebhookRefusal) -> list[Command]:
    """The Redis commands that count a refused webhook; none if there is no active connection with this slug."""
    if not is_connected(slug):
        return []
    now = int(time.time())
    key = _key(now // _HOUR_SECONDS)
    return [
        ("HSETNX", key, f"{slug}:first", now),
        ("HSET", key, f"{slug}:last", f"{now} {reason}"),
        # After its facts, since Redis may have failed between the commands.
        ("HINCRBY", key, slug, 1),
        ("EXPIRE", key, (HOURS + 1) * _HOUR_SECONDS),
    ]


def refused_webhooks() -> dict[str, RefusedWebhooks]:
    """The refused webhooks by the slugs of their connections, in one round trip; empty where Redis is away."""
    present = int(time.time()) // _HOUR_SECONDS
    try:
        hours = run_pipeline([("HGETALL", _key(hour)) for hour in range(present - HOURS + 1, present + 1)])
    except RedisError as error:
        report_failure(_USE, "Refused webhooks are not shown", error)
        return {}
    found: dict[str, RefusedWebhooks] = {}
    for values in hours:
        for field in values:
            # The others have a colon, which no slug has. A count without its facts is half-written.
            if b":" not in field and {field + b":first", field + b":last"} <= values.keys():
                found[field.decode()] = _added(found.get(field.decode()), field, values)
    return found


def recently_refused() -> list[str]:
    """The slugs of the connections of which a webhook was refused within `RECENT`."""
    return [slug for slug, refused in refused_webhooks().items() if refused.is_recent]


def _added(earlier: RefusedWebhooks | None, field: bytes, values: dict[bytes, bytes]) -> RefusedWebhooks:
    """The refusals of an hour, with those of the hours before it."""
    last_at, _, reason = values[field + b":last"].decode().partition(" ")
    return RefusedWebhooks(
        count=int(values[field]) + (earlier.count if earlier else 0),
        since=earlier.since if earlier else _moment(values[field + b":first"]),
        last_at=_moment(last_at),
        last_reason=WebhookRefusal(reason),
    )


def _moment(seconds: bytes | str) -> datetime:
    return datetime.fromtimestamp(int(seconds), tz=UTC)


def _key(hour: int) -> str:
    return f"pms:refused-webhooks:{hour}"
