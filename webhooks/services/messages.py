"""What is sent: the event as Standard Webhooks have it, signed for this attempt."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection
from standardwebhooks import Webhook

from pms_backend.api.arrays import as_array
from webhooks.models import Delivery, WebhookEndpoint
from webhooks.services.leases import LeasedDelivery

# `data` stays the text that PostgreSQL has of it: to read and write it takes longer than to send it.
_EVENTS: Final = """
SELECT id, type, occurred_at, subject, data::text, request_id FROM events_event WHERE id = ANY (%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is sent."""

    id: int
    type: str
    occurred_at: datetime
    subject: str
    data: str
    request_id: str


def stored_events(ids: Collection[int]) -> dict[int, StoredEvent]:
    """The events by their ids; those that are pruned are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, [as_array(sorted(set(ids)))])
        found = [StoredEvent(*row) for row in cursor.fetchall()]
    return {event.id: event for event in found}


def body_of(event: StoredEvent, delivery: LeasedDelivery | Delivery) -> str:
    """The body, in JSON."""
    head: dict[str, Any] = {
        "type": event.type,
        "timestamp": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "sequence": delivery.sequence,
        "previous_sequence": delivery.previous_sequence,
        "subject": event.subject,
    }
    return f'{json.dumps(head)[:-1]}, "data": {event.data}}}'


def signed_headers(
    event: StoredEvent, body: str, *, at: datetime, secrets: Sequence[str], extra: Mapping[str, str]
) -> dict[str, str]:
    """The headers of an attempt at this moment, with a signature for each secret."""
    webhook_id = f"evt_{event.id}"
    return {
        **extra,
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(webhook_id, at, body) for secret in secrets),
    }


@dataclass(frozen=True, slots=True)
class Recipient:
    """An endpoint as it is when its deliveries are leased."""

    id: int
    url: str
    secrets: tuple[str, ...]
    headers: Mapping[str, str]
    has_failed: bool


def recipients(ids: Collection[int]) -> dict[int, Recipient]:
    """The endpoints by their ids."""
    return {
        endpoint.pk: Recipient(
            id=endpoint.pk,
            url=endpoint.url,
            secrets=tuple(endpoint.valid_secrets),
            headers=endpoint.header_values,
            has_failed=bool(endpoint.failures or endpoint.failing_since),
        )
        for endpoint in WebhookEndpoint.objects.filter(pk__in=set(ids))
    }
