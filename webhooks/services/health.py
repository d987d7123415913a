"""The health of endpoints: held up after failures, their owners told, and disabled in the end."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from webhooks.events import EndpointFailing
from webhooks.models import WebhookEndpoint
from webhooks.schedule import BUSY, GONE, break_after, days_to_warn_of, has_to_be_disabled
from webhooks.services.attempts import Attempt
from webhooks.services.endpoints import disable, make_healthy

logger = logging.getLogger(__name__)

GONE_REASON: Final = "It has answered 410 Gone."
FAILED_REASON: Final = "No delivery has succeeded for five days."
# The moment of the last success is written so often.
LAST_SUCCESS_SECONDS: Final = 5.0


def store_health(attempts: Sequence[Attempt], unhealthy: frozenset[int], now: datetime) -> None:
    """Writes what attempts say of their endpoints; of a healthy one that stays so, nearly nothing.

    Locks the endpoints, before their deliveries.
    """
    by_endpoint: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if not attempt.is_final:
            by_endpoint[attempt.delivery.endpoint_id].append(attempt)
    changed = [pk for pk, each in by_endpoint.items() if pk in unhealthy or not all(one.is_success for one in each)]
    for endpoint in WebhookEndpoint.objects.filter(pk__in=changed).order_by("pk").select_for_update(no_key=True):
        made = sorted(by_endpoint[endpoint.pk], key=lambda one: one.at)
        for attempt in made:
            _note(endpoint, attempt, now)
        if endpoint.is_active:
            _draw_conclusions(endpoint, now, is_gone=any(one.status == GONE for one in made))
        endpoint.save()
    _note_successes([pk for pk in by_endpoint if pk not in changed], now)


def _note_successes(ids: Sequence[int], now: datetime) -> None:
    known = WebhookEndpoint.objects.filter(pk__in=ids)
    stale = known.exclude(last_success_at__gt=now - timedelta(seconds=LAST_SUCCESS_SECONDS)).order_by("pk")
    locked = list(stale.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
    WebhookEndpoint.objects.filter(pk__in=locked).update(last_success_at=now)


def check_failing_endpoints() -> int:
    """Warns of endpoints that fail, and disables them, although nothing is sent to them; returns how many fail."""
    failing = WebhookEndpoint.objects.filter(is_active=True, failing_since__isnull=False).order_by("pk")
    ids = list(failing.values_list("pk", flat=True))
    for pk in ids:
        _check(endpoint_id=pk)
    return len(ids)


@retried_atomic
def _check(*, endpoint_id: int) -> None:
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id, is_active=True).first()
    if endpoint is not None:
        _draw_conclusions(endpoint, timezone.now())
        endpoint.save()


def _note(endpoint: WebhookEndpoint, attempt: Attempt, now: datetime) -> None:
    if attempt.is_success:
        make_healthy(endpoint)
        endpoint.last_success_at = now
    elif attempt.status in BUSY:
        wait = attempt.retry_after or break_after(endpoint.failures)
        endpoint.next_try_at = endpoint.next_try_at if wait is None else now + wait
    else:
        endpoint.failures += 1
        endpoint.failing_since, endpoint.last_failure_at = endpoint.failing_since or attempt.at, attempt.at
        endpoint.failed_from = min(endpoint.failed_from or attempt.delivery.sequence, attempt.delivery.sequence)
        pause = break_after(endpoint.failures)
        endpoint.next_try_at = endpoint.next_try_at if pause is None else now + pause


def _draw_conclusions(endpoint: WebhookEndpoint, now: datetime, *, is_gone: bool = False) -> None:
    since, failed_at = endpoint.failing_since, endpoint.last_failure_at
    if is_gone:
        _disable(endpoint, GONE_REASON)
    elif since is None or failed_at is None:
        return
    elif has_to_be_disabled(since, failed_at, now):
        _disable(endpoint, FAILED_REASON)
    elif days := days_to_warn_of(since, now, endpoint.warned_days):
        logger.error("The webhook endpoint %s has had no success for %s days", endpoint.pk, days)
        endpoint.warned_days = days
        outbox.record(EndpointFailing(id=endpoint.pk, owner=endpoint.owner, failing_since=since.isoformat(), days=days))


def _disable(endpoint: WebhookEndpoint, reason: str) -> None:
    logger.error("The webhook endpoint %s is disabled: %s", endpoint.pk, reason)
    disable(endpoint, reason)
