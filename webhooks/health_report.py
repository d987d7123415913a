"""How the deliveries to endpoints went lately, for their pages. It writes nothing.

All is read from the index of attempts by endpoint and moment, which has their status and their milliseconds.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from pms_backend.api.arrays import as_array
from webhooks.models import WebhookEndpoint

HOURS: Final = 24
# Of one endpoint in a list, and of an hour for its median, so that a busy endpoint costs no more than others.
MAX_SAMPLED: Final = 1_000
# An attempt belongs to the hour in which it began.
# Each hour is a range of the index: to cut the moments of a million attempts into hours would take three times as long.
_HOURS: Final = f"""
SELECT hour.begins_at, counted.delivered, counted.failed, (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY sampled.ms) FROM (
        SELECT ms FROM webhooks_deliveryattempt AS attempt
        WHERE attempt.endpoint_id = %(endpoint)s
            AND attempt.at >= hour.begins_at AND attempt.at < hour.begins_at + interval '1 hour'
        ORDER BY attempt.at DESC LIMIT {MAX_SAMPLED}) AS sampled)
FROM unnest(%(hours)s::timestamptz[]) AS hour(begins_at)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE attempt.status BETWEEN 200 AND 299) AS delivered,
        count(*) FILTER (WHERE attempt.status IS NULL OR attempt.status NOT BETWEEN 200 AND 299) AS failed
    FROM webhooks_deliveryattempt AS attempt
    WHERE attempt.endpoint_id = %(endpoint)s
        AND attempt.at >= hour.begins_at AND attempt.at < hour.begins_at + interval '1 hour'
) AS counted
ORDER BY hour.begins_at
"""
_RECENT: Final = f"""
SELECT endpoint.id, count(*), count(*) FILTER (WHERE recent.status BETWEEN 200 AND 299),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY recent.ms) FILTER (WHERE recent.status BETWEEN 200 AND 299),
    (array_agg(recent.status ORDER BY recent.at DESC))[1]
FROM unnest(%s::bigint[]) AS endpoint(id)
CROSS JOIN LATERAL (
    SELECT attempt.at, attempt.status, attempt.ms FROM webhooks_deliveryattempt AS attempt
    WHERE attempt.endpoint_id = endpoint.id AND attempt.at >= %s
    ORDER BY attempt.at DESC LIMIT {MAX_SAMPLED}
) AS recent
GROUP BY endpoint.id
"""


@dataclass(frozen=True, slots=True)
class Hour:
    """The attempts of an hour: those that succeeded, those that failed, and the median of their milliseconds."""

    begins_at: datetime
    succeeded: int = 0
    failed: int = 0
    median_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """The attempts of the last 24 hours, the newest `MAX_SAMPLED` at most; `last_status` is null without an answer."""

    attempts: int = 0
    delivered: int = 0
    median_ms: int | None = None
    last_status: int | None = None

    @property
    def is_sample(self) -> bool:
        """Whether there may be more than these."""
        return self.attempts == MAX_SAMPLED


def last_hours(endpoint: WebhookEndpoint) -> list[Hour]:
    """The last 24 hours, oldest first, the present one included."""
    present = timezone.now().replace(minute=0, second=0, microsecond=0)
    hours = [present - timedelta(hours=HOURS - number) for number in range(1, HOURS + 1)]
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, {"endpoint": endpoint.pk, "hours": as_array(hours)})
        return [
            Hour(begins_at, succeeded, failed, None if median is None else round(median))
            for begins_at, succeeded, failed, median in cursor.fetchall()
        ]


def recent_attempts(ids: Collection[int]) -> dict[int, Recent]:
    """The attempts of the last 24 hours at each of these endpoints, in one statement; none is left out."""
    since = timezone.now() - timedelta(hours=HOURS)
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, [as_array(sorted(ids)), since])
        found = {
            pk: Recent(attempts, delivered, None if median is None else round(median), last_status)
            for pk, attempts, delivered, median, last_status in cursor.fetchall()
        }
    return {pk: found.get(pk, Recent()) for pk in ids}
