"""Absolute counts: how many units were on hand at a moment, whoever counted, and whenever the count arrives.

`on_hand` is the latest count of a level and every movement of a later moment. So a count that arrives late changes the
level by the counted units, less those that the ledger has for its moment; later movements stay on top of it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import connection

from inventory.level_fields import LevelState
from inventory.models import Reason
from inventory.services.ledger import LedgerRow
from pms_backend.api.arrays import as_array

# The id of a level, and a moment.
LevelMoment = tuple[int, datetime]

# One index scan for each, however long the ledger is.
_LATER: Final = """
SELECT counted.level_id, counted.moment, later.total
FROM unnest(%s::bigint[], %s::timestamptz[]) AS counted(level_id, moment)
CROSS JOIN LATERAL (
    SELECT sum(movement.delta)::bigint AS total FROM inventory_stockmovement AS movement
    WHERE movement.level_id = counted.level_id AND movement.occurred_at > counted.moment
) AS later
WHERE later.total IS NOT NULL
"""


def present_moment() -> datetime:
    """The present moment, by the clock of the database, which movements have too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def later_movements(moments: Iterable[LevelMoment]) -> dict[LevelMoment, int]:
    """The sum of each locked level's movements after the moment; those without any are left out."""
    asked = sorted(set(moments))
    if not asked:
        return {}
    with connection.cursor() as cursor:
        levels, times = zip(*asked, strict=True)
        cursor.execute(_LATER, [as_array(levels), as_array(times)])
        return {(level, moment): total for level, moment, total in cursor.fetchall()}


def apply_absolute_count(
    state: LevelState,
    *,
    on_hand: int,
    moment: datetime,
    later: int,
    note: str = "",
    reference: str = "",
    source: str = "",
    request_id: str | None = None,
) -> tuple[LevelState, LedgerRow | None]:
    """The locked level after a count of `moment`, and the `count` movement, if `on_hand` changes.

    `later` is the sum of its movements after that moment. A level with a later count is returned unchanged.
    """
    if state.counted_at is not None and state.counted_at > moment:
        return state, None
    counted = state._replace(counted_on_hand=on_hand, counted_at=moment)
    delta = on_hand + later - state.on_hand
    if not delta:
        return counted, None
    after = counted.changed(on_hand=delta)
    return after, LedgerRow(
        before=state,
        after=after,
        reason=Reason.COUNT,
        note=note,
        reference=reference,
        source=source,
        occurred_at=moment,
        request_id=request_id,
    )
