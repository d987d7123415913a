"""Resources that have to be asked for; repeated requests for one are one."""

from collections.abc import Sequence
from typing import Final

from django.db import connection

from pms_backend.api.arrays import as_array
from pms_integration.connectors.contract import Resource
from pms_integration.models import PMSConnection, PMSEventStatus
from pms_integration.services.outcomes import Outcome
from pms_integration.services.valid_reports import Refetch, Reported

_REQUEST: Final = """
INSERT INTO pms_integration_pmsrefetch (connection_id, resource, external_id)
SELECT DISTINCT %s::bigint, * FROM unnest(%s::text[], %s::text[]) ORDER BY 2, 3
ON CONFLICT (connection_id, resource, external_id) DO UPDATE SET requested_at = clock_timestamp()
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


def request(pms: PMSConnection, resources: Sequence[tuple[Resource, str]]) -> None:
    """Stores that these resources of the PMS have to be asked for."""
    if resources:
        with connection.cursor() as cursor:
            kinds, ids = zip(*resources, strict=True)
            cursor.execute(_REQUEST, [pms.pk, as_array(kinds), as_array(ids)])
