"""How the deliveries to an endpoint went lately, for its page. It writes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone
from django.utils.formats import localize

from webhooks.models import WebhookEndpoint, unsettled
from webhooks.schedule import DISABLED_AFTER

HOURS: Final = 24
# An attempt belongs to the hour in which it began.
_HOURS: Final = """
SELECT date_trunc('hour', attempt.at) AS hour,
    count(*) FILTER (WHERE attempt.status BETWEEN 200 AND 299),
    count(*) FILTER (WHERE attempt.status IS NULL OR attempt.status NOT BETWEEN 200 AND 299),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY attempt.ms)
FROM webhooks_deliveryattempt AS attempt
JOIN webhooks_delivery AS delivery ON delivery.id = attempt.delivery_id
WHERE delivery.endpoint_id = %s AND attempt.at >= %s
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Hour:
    """The attempts of an hour: those that succeeded, those that failed, and the median of their milliseconds."""

    begins_at: datetime
    succeeded: int = 0
    failed: int = 0
    median_ms: int | None = None


def last_hours(endpoint: WebhookEndpoint) -> list[Hour]:
    """The last 24 hours, oldest first, the present one included."""
    present = timezone.now().replace(minute=0, second=0, microsecond=0)
    first = present - timedelta(hours=HOURS - 1)
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, [endpoint.pk, first])
        found: dict[datetime, tuple[Any, ...]] = {row[0]: row[1:] for row in cursor.fetchall()}
    hours = [first + timedelta(hours=number) for number in range(HOURS)]
    return [
        Hour(hour, succeeded, failed, None if median is None else round(median))
        for hour in hours
        for succeeded, failed, median in [found.get(hour, (0, 0, None))]
    ]


def state_in_words(endpoint: WebhookEndpoint) -> str:
    """How the endpoint does, in a sentence or two."""
    if not endpoint.is_active:
        since = "" if endpoint.disabled_at is None else f" since {_shown(endpoint.disabled_at)}"
        return (
            f"Nothing is sent{since}. {_sentence(endpoint.disabled_reason)} "
            f"It has its events up to the sequence {localize(endpoint.resume_after)}."
        )
    if endpoint.failing_since is not None:
        ends = endpoint.failing_since + DISABLED_AFTER
        words = (
            f"No delivery has succeeded since {_shown(endpoint.failing_since)}: {endpoint.failures:,} attempts in a "
            f"row have failed. If that goes on, it is disabled on {_shown(ends)}."
        )
    elif endpoint.last_success_at is not None:
        words = f"The last delivery succeeded at {_shown(endpoint.last_success_at)}."
    else:
        words = "Nothing was sent yet."
    if endpoint.next_try_at is not None and endpoint.next_try_at > timezone.now():
        words += f" The next one is sent at {timezone.localtime(endpoint.next_try_at):%H:%M:%S %Z}."
    return words


def label_of(endpoint: WebhookEndpoint) -> str:
    """How the endpoint does, in a word."""
    if not endpoint.is_active:
        return "Disabled"
    return "Healthy" if endpoint.failing_since is None else "Failing"


def waiting_in_words(endpoint: WebhookEndpoint) -> str:
    """What is still to be sent."""
    waiting = unsettled(endpoint=endpoint)
    count = waiting.count()
    if not count:
        return "Nothing waits."
    oldest = waiting.order_by("created_at").values_list("created_at", flat=True)[0]
    return f"{count:,} {'delivery waits' if count == 1 else 'deliveries wait'}, the oldest since {_shown(oldest)}."


def _shown(value: datetime) -> str:
    return localize(timezone.localtime(value))


def _sentence(reason: str) -> str:
    return reason if reason.endswith(".") else f"It was {reason}."
