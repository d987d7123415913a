"""Leases of PMS events: the right of one worker to apply events for a few seconds.

An event that is still `processing` when its lease has expired had an attempt whose worker died: it is leased alone, so
that the next death counts for one event only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from pms_backend.api.arrays import as_array

# How long a lease is valid while its row is not locked. A locked row is being applied, however long that takes.
LEASE_SECONDS: Final = 5.0
BATCH_SIZE: Final = 500


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to apply an event; void as soon as another worker leases the event."""

    event_id: int
    connection_id: int
    attempt: int
    failures: int
    crashes: int
    received_at: datetime
    webhook_id: str


_LEASE: Final = """
UPDATE pms_integration_pmsevent AS event
SET status = 'processing', attempts = attempts + 1, crashes = crashes + (event.status = 'processing')::int,
    due_at = clock_timestamp() + %(seconds)s * interval '1 second'
FROM due WHERE event.id = due.id
RETURNING event.id, event.connection_id, event.attempts, event.failures, event.crashes, event.received_at,
    event.webhook_id
"""
# Of one connection, that of the event which has been due for the longest time. What failed by an error of ours is not
# mixed with the rest, which would fail with it.
_LEASE_BATCH: Final = f"""
WITH first AS (
    SELECT connection_id, failed_by_us FROM pms_integration_pmsevent
    WHERE due_at <= clock_timestamp() AND status <> 'processing'
    ORDER BY due_at, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
), due AS (
    SELECT id FROM pms_integration_pmsevent
    WHERE due_at <= clock_timestamp() AND status <> 'processing'
        AND (connection_id, failed_by_us) = (SELECT connection_id, failed_by_us FROM first)
    ORDER BY due_at, id LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
{_LEASE}
"""
_LEASE_CRASHED: Final = f"""
WITH due AS (
    SELECT id FROM pms_integration_pmsevent
    WHERE due_at <= clock_timestamp() AND status = 'processing'
    ORDER BY due_at, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
{_LEASE}
"""
_EXTEND: Final = """
UPDATE pms_integration_pmsevent AS event SET due_at = clock_timestamp() + %s * interval '1 second'
FROM unnest(%s::bigint[], %s::bigint[]) AS lease(id, attempt)
WHERE event.id = lease.id AND event.status = 'processing' AND event.attempts = lease.attempt
"""
_RELEASE: Final = """
UPDATE pms_integration_pmsevent AS event SET status = 'received', attempts = attempts - 1, due_at = clock_timestamp()
FROM unnest(%s::bigint[], %s::bigint[]) AS lease(id, attempt)
WHERE event.id = lease.id AND event.status = 'processing' AND event.attempts = lease.attempt
"""


def lease_batch() -> list[Lease]:
    """Leases the due events of one connection, oldest first, and counts an attempt, in a transaction of its own.

    Events whose row is locked are skipped.
    """
    return _leases(_LEASE_BATCH, limit=BATCH_SIZE)


def lease_crashed() -> list[Lease]:
    """Leases one event whose last attempt ended with the death of its worker, if one is due."""
    return _leases(_LEASE_CRASHED)


def _leases(statement: str, **parameters: int) -> list[Lease]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"seconds": LEASE_SECONDS, **parameters})
        return sorted((Lease(*row) for row in cursor.fetchall()), key=lambda lease: lease.event_id)


def extend_leases(leases: Sequence[Lease]) -> None:
    """Gives the events another `LEASE_SECONDS`."""
    with connection.cursor() as cursor:
        cursor.execute(_EXTEND, [LEASE_SECONDS, *_columns(leases)])


def release_leases(leases: Sequence[Lease]) -> None:
    """Makes the events due at once, as if this attempt had not begun."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, _columns(leases))


def _columns(leases: Sequence[Lease]) -> list[str]:
    return [as_array([lease.event_id for lease in leases]), as_array([lease.attempt for lease in leases])]
