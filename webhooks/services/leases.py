"""Leases of deliveries: which are sent next, so that no endpoint delays another one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from pms_backend.api.arrays import as_array
from webhooks.services.endpoint_limits import FIRST_AT_ONCE, MAX_AT_ONCE, EndpointLimits

# A call takes 15 s at most; before it a delivery may wait for those of its endpoint that are sent in order.
LEASE_SECONDS: Final = 60.0
# Those that are sent in order, by one thread.
MAX_IN_ORDER: Final = 10

# Each endpoint in turn, so that a long queue delays no other. Of those that are sent in order nothing passes one that
# waits for its next attempt, is being sent, or is locked by somebody else, for whom a lease never waits.
_LEASE: Final = """
WITH ready AS MATERIALIZED (
    SELECT endpoint.id, CASE
        WHEN endpoint.failures > 0 THEN 1
        WHEN endpoint.id = ANY (%(quick)s::bigint[]) THEN %(at_once)s
        WHEN endpoint.id = ANY (%(slow)s::bigint[]) THEN %(slow_at_once)s
        ELSE %(first_at_once)s END - (
        SELECT count(*) FROM webhooks_delivery AS sent
        WHERE sent.endpoint_id = endpoint.id AND sent.status = 'sending'
            AND sent.next_attempt_at > statement_timestamp()) AS room,
        CASE WHEN endpoint.failures > 0 THEN 1 ELSE %(in_order)s END AS room_in_order,
        coalesce((
            SELECT min(waiting.sequence) FROM webhooks_delivery AS waiting
            WHERE waiting.endpoint_id = endpoint.id AND waiting.status IN ('pending', 'sending')
                AND waiting.is_in_order AND waiting.next_attempt_at > statement_timestamp()), %(infinity)s) AS wall
    FROM webhooks_webhookendpoint AS endpoint
    WHERE endpoint.is_active AND coalesce(endpoint.next_try_at, '-infinity') <= statement_timestamp()
), due AS MATERIALIZED (
    SELECT found.id, ready.id AS endpoint_id, found.place FROM ready
    CROSS JOIN LATERAL (
        (SELECT delivery.id, row_number() OVER (ORDER BY delivery.sequence) AS place
        FROM webhooks_delivery AS delivery
        WHERE delivery.endpoint_id = ready.id AND delivery.status IN ('pending', 'sending')
            AND delivery.next_attempt_at <= statement_timestamp() AND NOT delivery.is_in_order
        ORDER BY delivery.sequence LIMIT greatest(ready.room, 0))
        UNION ALL
        (SELECT delivery.id, row_number() OVER (ORDER BY delivery.sequence) AS place
        FROM webhooks_delivery AS delivery
        WHERE delivery.endpoint_id = ready.id AND delivery.status IN ('pending', 'sending')
            AND delivery.next_attempt_at <= statement_timestamp() AND delivery.is_in_order
            AND delivery.sequence < ready.wall AND ready.room > 0
        ORDER BY delivery.sequence LIMIT ready.room_in_order)
    ) AS found
    ORDER BY found.place LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT delivery.id, delivery.is_in_order, due.endpoint_id, due.place
    FROM due JOIN webhooks_delivery AS delivery ON delivery.id = due.id
    WHERE delivery.status IN ('pending', 'sending') AND delivery.next_attempt_at <= statement_timestamp()
    FOR NO KEY UPDATE OF delivery SKIP LOCKED
), leased AS (
    SELECT id, is_in_order, place,
        row_number() OVER (PARTITION BY endpoint_id, is_in_order ORDER BY place) AS place_of_locked
    FROM locked
)
UPDATE webhooks_delivery AS delivery
SET status = 'sending', next_attempt_at = clock_timestamp() + %(seconds)s * interval '1 second'
FROM leased
WHERE delivery.id = leased.id AND (NOT leased.is_in_order OR leased.place_of_locked = leased.place)
RETURNING delivery.id, delivery.endpoint_id, delivery.event_id, delivery.sequence, delivery.previous_sequence,
    delivery.tries, delivery.is_in_order, delivery.next_attempt_at
"""
# Of pg_advisory locks: one worker leases at a time, so that no two have one delivery, and an order is kept.
LOCK_CLASS: Final = 7_305_020
_INFINITY: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
    """The right to send a delivery until `leased_until`."""

    id: int
    endpoint_id: int
    event_id: int
    sequence: int
    previous_sequence: int | None
    tries: int
    is_in_order: bool
    leased_until: datetime


@transaction.atomic
def lease_deliveries(limit: int, limits: EndpointLimits) -> Sequence[LeasedDelivery]:
    """Leases up to `limit` due deliveries of all endpoints, in their order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_CLASS])
        cursor.execute(
            _LEASE,
            {
                "at_once": MAX_AT_ONCE,
                "first_at_once": FIRST_AT_ONCE,
                "quick": as_array(sorted(limits.quick)),
                "slow": as_array(sorted(limits.slow)),
                "slow_at_once": limits.slow_at_once,
                "in_order": MAX_IN_ORDER,
                "limit": limit,
                "seconds": LEASE_SECONDS,
                "infinity": _INFINITY,
            },
        )
        leased = [LeasedDelivery(*row) for row in cursor.fetchall()]
    return sorted(leased, key=lambda each: each.sequence)
