"""Leases of refetches: the right of one worker to ask for resources of a connection, and what it records at the end.

One worker at a time has leases of a connection, so that a PMS that hangs takes one thread, and its answers are applied
in the order in which they came.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from pms_backend.api.arrays import as_array
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors.contract import Resource
from pms_integration.models import PMSRefetch

logger = logging.getLogger(__name__)

# A call takes 15 s, after 5 s in which it waits for the rate budget. Names with many figures may take several calls:
# if another worker asks too by then, the answer that comes first counts.
LEASE_SECONDS: Final = 60.0
# What a connector is asked for in one call. What has failed is asked for alone, so that it fails alone.
NAMES_OF_A_CALL: Final[dict[str, int]] = {Resource.PRODUCT: 1, Resource.STOCK: 50}


@dataclass(frozen=True, slots=True)
class RefetchLease:
    """The right to ask for a resource; `requested_at` and `failures` as they were when it began."""

    refetch_id: int
    connection_id: int
    slug: str
    resource: str
    external_id: str
    requested_at: datetime
    leased_until: datetime
    failures: int
    corrects: bool

    def is_held(self, row: PMSRefetch) -> bool:
        """Whether the answer still counts: unless both the row was requested again and the lease was lost."""
        return row.requested_at == self.requested_at or row.leased_until == self.leased_until


@dataclass(frozen=True, slots=True)
class LeaseEnd:
    """What becomes of a refetch: it is made again after a pause, or it is over, and by its `problem` given up."""

    pause: timedelta | None = None
    failures: int = 0
    problem: str = ""


ANSWERED: Final = LeaseEnd()

# The connection with the longest overdue refetch, of those that may be called and that no other worker asks. The lock
# of its row lets one worker at a time look at its leases, in the next statement.
_LOCK_CONNECTION: Final = """
SELECT pms.id, due.resource, due.failures > 0 FROM pms_integration_pmsconnection AS pms
CROSS JOIN LATERAL (
    SELECT resource, failures, due_at FROM pms_integration_pmsrefetch
    WHERE connection_id = pms.id AND due_at <= statement_timestamp()
    ORDER BY due_at, id LIMIT 1
) AS due
WHERE pms.is_active AND pms.base_url IS NOT NULL AND pms.id <> ALL (%s::bigint[])
    AND coalesce(pms.next_try_at, '-infinity') <= statement_timestamp()
    AND NOT EXISTS (
        SELECT FROM pms_integration_pmsrefetch WHERE connection_id = pms.id AND leased_until > statement_timestamp())
ORDER BY due.due_at, pms.id LIMIT 1
FOR NO KEY UPDATE OF pms SKIP LOCKED
"""
_LEASE: Final = """
UPDATE pms_integration_pmsrefetch AS refetch
SET leased_until = clock_timestamp() + %(seconds)s * interval '1 second'
FROM (
    SELECT id FROM pms_integration_pmsrefetch
    WHERE connection_id = %(connection)s AND due_at <= statement_timestamp()
        AND resource = %(resource)s AND (failures > 0) = %(has_failed)s
        AND NOT EXISTS (
            SELECT FROM pms_integration_pmsrefetch
            WHERE connection_id = %(connection)s AND leased_until > statement_timestamp())
    ORDER BY due_at, id LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
) AS due, pms_integration_pmsconnection AS pms
WHERE refetch.id = due.id AND pms.id = refetch.connection_id
RETURNING refetch.id, pms.id, pms.slug, refetch.resource, refetch.external_id, refetch.requested_at,
    refetch.leased_until, refetch.failures, refetch.corrects
"""
_PUT_OFF: Final = """
UPDATE pms_integration_pmsrefetch SET due_at = clock_timestamp() + %s * interval '1 second', leased_until = NULL
WHERE id IN (
    SELECT id FROM pms_integration_pmsrefetch WHERE connection_id = %s AND due_at <= statement_timestamp()
    ORDER BY resource, external_id FOR NO KEY UPDATE
)
"""


def lease_next() -> list[RefetchLease]:
    """Leases due refetches of one connection, as many as are asked for in one call; none if none can be leased.

    A connection is passed over while it is not active, has no base URL, or may not be called yet by its circuit.
    """
    passed_over: list[int] = []
    while True:
        connection_id, leases = _lease_of_next(passed_over)
        if connection_id is None or leases:
            return leases
        # Its rows are locked by others just now, or another worker was faster.
        passed_over.append(connection_id)


@retried_atomic
def _lease_of_next(passed_over: list[int]) -> tuple[int | None, list[RefetchLease]]:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_CONNECTION, [as_array(passed_over)])
        first = cursor.fetchone()
        if first is None:
            return None, []
        connection_id, resource, has_failed = first
        limit = 1 if has_failed else NAMES_OF_A_CALL[resource]
        parameters = {"connection": connection_id, "resource": resource, "has_failed": has_failed, "limit": limit}
        cursor.execute(_LEASE, {**parameters, "seconds": LEASE_SECONDS})
        leases = [RefetchLease(*row) for row in cursor.fetchall()]
    return connection_id, sorted(leases, key=lambda lease: lease.refetch_id)


@retried_atomic
def end_leases(ends: Mapping[RefetchLease, LeaseEnd]) -> int:
    """Records what becomes of the refetches; returns how many of the leases were still held.

    What was requested again meanwhile is due as it was requested, whatever the answer was.
    """
    ids = [lease.refetch_id for lease in ends]
    locked = PMSRefetch.objects.filter(pk__in=ids).order_by("resource", "external_id").select_for_update(no_key=True)
    rows = {row.pk: row for row in locked}
    held = {lease: end for lease, end in ends.items() if (row := rows.get(lease.refetch_id)) and lease.is_held(row)}
    over: list[int] = []
    for lease, end in held.items():
        row = rows[lease.refetch_id]
        row.leased_until = None
        if row.requested_at != lease.requested_at:
            continue
        if end.pause is not None:
            row.due_at, row.failures = timezone.now() + end.pause, end.failures
            continue
        over.append(row.pk)
        if end.problem:
            logger.error(
                "The %s %s of the PMS %s is not asked for any more: %s",
                lease.resource, lease.external_id, lease.slug, end.problem,
            )  # fmt: skip
    PMSRefetch.objects.filter(pk__in=over).delete()
    kept = [rows[lease.refetch_id] for lease in held if lease.refetch_id not in over]
    PMSRefetch.objects.bulk_update(kept, ["due_at", "failures", "leased_until"])
    return len(held)


@retried_atomic
def put_off(*, connection_id: int, pause: timedelta) -> None:
    """Makes all due refetches of a connection due after the pause; no failure is counted."""
    with connection.cursor() as cursor:
        cursor.execute(_PUT_OFF, [pause.total_seconds(), connection_id])
