"""Sends events once more: one delivery, or all events of a period, in their order."""

from datetime import datetime
from typing import Final

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from pms_backend.access.services import record_audit
from pms_backend.api.transactions import retried_atomic
from pms_backend.events.exceptions import SequenceExpired
from pms_backend.events.models import Event, FeedHead, head_sequence, last_pruned
from webhooks.exceptions import EndpointIsDisabled, EventExpired
from webhooks.models import Delivery, DeliveryStatus, WebhookEndpoint, unsettled
from webhooks.services.matching import GETS_EVENT
from webhooks.services.wake_up import delivery_wake_up

# The event before the first one is read too, for its sequence. What is on its way is sent in order too, and again.
_REPLAY: Final = f"""
WITH matching AS (
    SELECT event.id, event.type, event.sequence, event.occurred_at
    FROM events_event AS event JOIN webhooks_webhookendpoint AS endpoint ON endpoint.id = %(endpoint)s
    WHERE event.sequence > %(after)s AND event.sequence <= %(until)s
        AND event.occurred_at >= coalesce(%(earliest)s, '-infinity'::timestamptz)
        AND event.occurred_at <= coalesce(%(latest)s, 'infinity'::timestamptz) AND {GETS_EVENT}
), before AS (
    SELECT max(event.sequence) AS sequence
    FROM events_event AS event JOIN webhooks_webhookendpoint AS endpoint ON endpoint.id = %(endpoint)s
    WHERE event.sequence < (SELECT min(sequence) FROM matching) AND {GETS_EVENT}
)
INSERT INTO webhooks_delivery AS delivery
    (endpoint_id, event_id, type, sequence, previous_sequence, status, is_in_order, next_attempt_at)
SELECT %(endpoint)s, matching.id, matching.type, matching.sequence,
    coalesce(lag(matching.sequence) OVER (ORDER BY matching.sequence), before.sequence), 'pending', true,
    clock_timestamp()
FROM matching CROSS JOIN before
ORDER BY matching.sequence
ON CONFLICT (endpoint_id, sequence) WHERE status IN ('pending', 'sending') DO UPDATE
SET status = 'pending', is_in_order = true, tries = 0, next_attempt_at = excluded.next_attempt_at
"""


@retried_atomic
def replay_events(*, endpoint_id: int, since: int | datetime, until: int | datetime | None = None) -> int:
    """Sends the events of a period again, in their order, both ends included; returns how many.

    Raises `WebhookEndpoint.DoesNotExist`, `EndpointIsDisabled`, and `SequenceExpired` if some are not kept any more.
    """
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
    if not endpoint.is_active:
        raise EndpointIsDisabled(_("The endpoint %(id)s is disabled: enable it first.") % {"id": endpoint.pk})
    last = until if isinstance(until, int) else head_sequence()
    latest = until if isinstance(until, datetime) else None
    if isinstance(since, int):
        count = _replay(endpoint, after=since - 1, until=last, latest=latest)
        _require_kept(after=since - 1)
    else:
        count = _replay(endpoint, after=0, until=last, earliest=since, latest=latest)
        pruned_before = FeedHead.objects.values_list("pruned_before", flat=True).first()
        if pruned_before is not None and since < pruned_before:
            raise SequenceExpired(
                _("Events from before %(moment)s are not kept.") % {"moment": pruned_before.isoformat()}
            )
    record_audit(
        action="webhook_endpoint.replayed",
        subject=f"endpoint:{endpoint.pk}",
        since=str(since),
        until=None if until is None else str(until),
        events=count,
    )
    return count


def replay_after(endpoint: WebhookEndpoint, sequence: int) -> int:
    """Sends all events after the sequence to a locked endpoint that was disabled until now, in order.

    Locks the head of the feed in the end, for as short as possible: a relay that is at work has still seen a disabled
    endpoint. Raises `SequenceExpired`.
    """
    head = head_sequence()
    count = _replay(endpoint, after=sequence, until=head)
    newest = FeedHead.objects.select_for_update(no_key=True).values_list("sequence", flat=True).first() or 0
    count += _replay(endpoint, after=head, until=newest)
    _require_kept(after=sequence)
    return count


def _replay(
    endpoint: WebhookEndpoint,
    *,
    after: int,
    until: int,
    earliest: datetime | None = None,
    latest: datetime | None = None,
) -> int:
    period = {"after": after, "until": until, "earliest": earliest, "latest": latest}
    with connection.cursor() as cursor:
        cursor.execute(_REPLAY, {"endpoint": endpoint.pk, **period})
        count: int = cursor.rowcount
    delivery_wake_up.send_after_commit()
    return count


def _require_kept(*, after: int) -> None:
    """Called after the events are read, because pruning may run in between."""
    pruned_to = last_pruned()
    if after < pruned_to:
        raise SequenceExpired(
            _("Events up to the sequence %(sequence)s are not kept any more.") % {"sequence": pruned_to}
        )


@retried_atomic
def redeliver(*, delivery_id: int) -> Delivery:
    """Sends a delivery again, now, as often as a new one; the log of its attempts goes on.

    If its event is on its way to the endpoint by another delivery already, that one is sent now. Raises
    `Delivery.DoesNotExist`, `EndpointIsDisabled`, `EventExpired`.
    """
    endpoint_id = Delivery.objects.values_list("endpoint", flat=True).get(pk=delivery_id)
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
    if not endpoint.is_active:
        raise EndpointIsDisabled(_("The endpoint %(id)s is disabled: enable it first.") % {"id": endpoint.pk})
    asked = Delivery.objects.get(pk=delivery_id)
    on_its_way = unsettled(endpoint=endpoint, sequence=asked.sequence).values_list("pk", flat=True).first()
    delivery = Delivery.objects.select_for_update(no_key=True).get(pk=on_its_way or delivery_id)
    if not Event.objects.filter(pk=delivery.event_id).exists():
        raise EventExpired(_("The event %(id)s is not kept any more.") % {"id": delivery.event_public_id})
    delivery.status, delivery.tries, delivery.next_attempt_at = DeliveryStatus.PENDING, 0, timezone.now()
    delivery.is_in_order = False
    delivery.save(update_fields=["status", "tries", "next_attempt_at", "is_in_order"])
    delivery_wake_up.send_after_commit()
    record_audit(action="delivery.redelivered", subject=f"delivery:{delivery.pk}", event=delivery.event_public_id)
    return delivery
