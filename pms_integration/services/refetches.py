"""Requests for resources that have to be asked for; repeated requests for one are one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection

from pms_backend.api.arrays import as_array
from pms_integration.connectors.contract import Resource
from pms_integration.models import PMSConnection, PMSEventStatus
from pms_integration.services.outcomes import Outcome
from pms_integration.services.valid_reports import Refetch, Reported
from pms_integration.services.wake_up import refetch_wake_up

# A worker that asks meanwhile keeps its lease, and sees by `requested_at` that it has to ask again.
_REQUEST: Final = """
INSERT INTO pms_integration_pmsrefetch AS refetch (connection_id, corrects, resource, external_id, due_at)
SELECT %s, %s, *, coalesce(%s::timestamptz, clock_timestamp()) FROM unnest(%s::text[], %s::text[]) ORDER BY 3, 4
ON CONFLICT (connection_id, resource, external_id) DO UPDATE
SET requested_at = clock_timestamp(), due_at = least(refetch.due_at, excluded.due_at), failures = 0,
    corrects = refetch.corrects OR excluded.corrects
"""


def request_refetches(pms: PMSConnection, reported: Sequence[Reported[Refetch]]) -> list[tuple[int, Outcome]]:
    """Stores what has to be asked for; returns the id of each message with its outcome."""
    request(pms, [(one.report.resource, one.report.external_id) for one in reported])
    return [
        (
            one.message_id,
            Outcome(
                PMSEventStatus.PROCESSED, f"The {one.report.resource} {one.report.external_id} has to be asked for."
            ),
        )
        for one in reported
    ]


def request(
    pms: PMSConnection,
    resources: Sequence[tuple[Resource, str]],
    *,
    due_at: datetime | None = None,
    corrects: bool = False,
) -> None:
    """Stores that these resources of the PMS have to be asked for: at once, or at `due_at`.

    What is due earlier already stays so. With `corrects` the PMS then gets what its figures differ by from our
    stock. Locks the rows, which are the last ones that a transaction locks.
    """
    if not resources:
        return
    kinds, ids = zip(*set(resources), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST, [pms.pk, corrects, due_at, as_array(kinds), as_array(ids)])
    if due_at is None:
        refetch_wake_up.send_after_commit()
