"""Makes the deliveries of published events, in the transaction of the relay: one statement for all endpoints."""

from collections.abc import Sequence
from typing import Final

from django.db import connection, transaction

from pms_backend.api.arrays import as_array
from pms_backend.events.models import Event
from webhooks.events import TEST
from webhooks.models import EndpointCursor
from webhooks.services.matching import matches_type
from webhooks.services.wake_up import delivery_wake_up

# Types are matched once for each endpoint, not events. The cursor moves for disabled endpoints too, so that
# `previous_sequence` shows them later that they have missed something.
_RECORD: Final = f"""
WITH published AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::bigint[], %(sequences)s::bigint[], %(types)s::text[], %(subjects)s::text[])
        AS event(id, sequence, type, subject)
), matched AS MATERIALIZED (
    SELECT endpoint.id AS endpoint_id, endpoint.is_active, published.id, published.sequence, published.type
    FROM webhooks_webhookendpoint AS endpoint
    JOIN (SELECT DISTINCT type FROM published WHERE type <> '{TEST}') AS kind ON {matches_type("kind.type")}
    JOIN published ON published.type = kind.type
    UNION ALL
    SELECT endpoint.id, endpoint.is_active, published.id, published.sequence, published.type
    FROM published
    JOIN webhooks_webhookendpoint AS endpoint
        ON published.type = '{TEST}' AND published.subject = 'endpoint:' || endpoint.id
), moved AS (
    INSERT INTO webhooks_endpointcursor AS cursor (endpoint_id, last_sequence)
    SELECT endpoint_id, max(sequence) FROM matched GROUP BY endpoint_id ORDER BY endpoint_id
    ON CONFLICT (endpoint_id) DO UPDATE SET last_sequence = greatest(cursor.last_sequence, excluded.last_sequence)
)
INSERT INTO webhooks_delivery (endpoint_id, event_id, type, sequence, previous_sequence, status)
SELECT ordered.endpoint_id, ordered.id, ordered.type, ordered.sequence, {{previous}}, 'pending'
FROM (
    SELECT matched.*, lag(sequence) OVER (PARTITION BY endpoint_id ORDER BY sequence) AS previous FROM matched
) AS ordered
LEFT JOIN webhooks_endpointcursor AS cursor ON cursor.endpoint_id = ordered.endpoint_id
WHERE ordered.is_active AND {{is_new}}
ORDER BY ordered.sequence, ordered.endpoint_id
"""
_RECORD_NEXT: Final = _RECORD.replace("{previous}", "coalesce(ordered.previous, cursor.last_sequence)").replace(
    "{is_new}", "ordered.sequence > coalesce(cursor.last_sequence, 0)"
)
# ON CONFLICT for all would cost the relay a fifth of its speed with ten endpoints.
_RECORD_LATE: Final = _RECORD.replace(
    "{previous}",
    """(SELECT max(earlier.sequence) FROM webhooks_delivery AS earlier
    WHERE earlier.endpoint_id = ordered.endpoint_id AND earlier.sequence < ordered.sequence)""",
).replace(
    "{is_new}",
    """NOT EXISTS (
    SELECT FROM webhooks_delivery AS made
    WHERE made.event_id = ordered.id AND made.endpoint_id = ordered.endpoint_id)""",
)


def record_deliveries(events: Sequence[Event]) -> None:
    """Makes a delivery of each event to each endpoint that gets it; called again, it changes nothing."""
    # An event that comes again, or later than its successors, because this receiver has failed with it before.
    is_late = EndpointCursor.objects.filter(last_sequence__gte=events[0].sequence or 0).exists()
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD_LATE if is_late else _RECORD_NEXT,
            {
                "ids": as_array([event.pk for event in events]),
                "sequences": as_array([event.sequence for event in events]),
                "types": as_array([event.type for event in events]),
                "subjects": as_array([event.subject for event in events]),
            },
        )
        if cursor.rowcount:
            transaction.on_commit(delivery_wake_up.send, robust=True)


def forget_last_sequences(*, sequence: int) -> None:
    """After a restore: each endpoint's next webhook names `sequence`, which no subscriber has, as the one before it.

    So a subscriber reads the feed on from what it has, is refused, and begins anew.
    """
    EndpointCursor.objects.update(last_sequence=sequence)
