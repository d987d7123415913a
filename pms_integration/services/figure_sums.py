"""What figures of a PMS that is told of our movements do not include, by what is stored (`level_arithmetic.py`)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection as database

from pms_backend.api.arrays import as_array
from pms_integration.models import PMSConnection
from pms_integration.services.stock_pushes.openings import changes_a_level

# The id of a level, the moment of a figure, and the moment by our clock until which facts count, None for all.
Asked = tuple[int, datetime, datetime | None]
# The sum of what a figure of the moment does not include.
Sums = dict[Asked, int]

# A count that opened a level changed nothing: it said what is there, as the figure does.
_NOT_INCLUDED: Final = f"""
WITH unpublished AS MATERIALIZED (
    SELECT later.id, later.level_id, later.delta, later.occurred_at FROM events_event AS event
    JOIN inventory_stockmovement AS later ON later.id = (event.data #>> '{{movement,id}}')::bigint
    WHERE event.sequence IS NULL AND event.type = 'stock.changed' AND event.data -> 'movement' <> 'null'
        AND later.level_id = ANY (%(levels)s::bigint[]) AND NOT starts_with(later.source, %(prefix)s)
        AND {changes_a_level("later", "%(connection)s")}
)
SELECT asked.level_id, asked.moment, nullif(asked.until, 'infinity'), (
    SELECT coalesce(sum(change.delta), 0) FROM inventory_stockmovement AS change
    WHERE change.level_id = asked.level_id AND change.reported_at > asked.moment AND change.occurred_at <= asked.until
        AND starts_with(change.source, %(prefix)s)
) + (
    SELECT coalesce(sum(push.delta), 0) FROM pms_integration_pmsstockpush AS push
    WHERE push.connection_id = %(connection)s AND push.level_id = asked.level_id AND push.movement_id IS NOT NULL
        AND (push.acknowledged_at IS NULL OR push.acknowledged_at > asked.moment) AND push.occurred_at <= asked.until
) + (
    SELECT coalesce(sum(own.delta), 0) FROM (
        SELECT id, delta, occurred_at FROM inventory_stockmovement AS made
        WHERE level_id = asked.level_id AND occurred_at > asked.moment - %(offset)s
            AND NOT starts_with(source, %(prefix)s)
            AND (coalesce((SELECT undone.reason FROM inventory_stockmovement AS undone
                WHERE undone.id = made.reverses_id), reason) <> 'count'
                OR {changes_a_level("made", "%(connection)s")})
        UNION
        SELECT id, delta, occurred_at FROM unpublished WHERE level_id = asked.level_id
    ) AS own
    WHERE own.occurred_at <= asked.until AND NOT EXISTS (
        SELECT FROM pms_integration_pmsstockpush AS push
        WHERE push.movement_id = own.id AND push.connection_id = %(connection)s)
)
FROM (
    SELECT level_id, moment, coalesce(until, 'infinity') AS until
    FROM unnest(%(levels)s::bigint[], %(moments)s::timestamptz[], %(untils)s::timestamptz[])
        AS given(level_id, moment, until)
) AS asked
"""


def sums_not_included(pms: PMSConnection, asked: Iterable[Asked], *, offset: timedelta) -> Sums:
    """What figures do not include, for each of these locked levels and moments; one statement."""
    rows = list(set(asked))
    if not rows:
        return {}
    levels, moments, untils = zip(*rows, strict=True)
    parameters: dict[str, Any] = {
        "prefix": f"{pms.slug}:",
        "connection": pms.pk,
        "offset": offset,
        "levels": as_array(levels),
        "moments": as_array(moments),
        "untils": as_array(untils),
    }
    with database.cursor() as cursor:
        cursor.execute(_NOT_INCLUDED, parameters)
        return {(level, moment, until): int(total) for level, moment, until, total in cursor.fetchall()}
