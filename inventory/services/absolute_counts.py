"""A figure of a moment: what was seen to be there then, whoever saw it, and whenever it is heard of.

The latest figure of a level is the one that counts: `on_hand` is that figure and every movement of a later moment. So a
figure that is heard of late changes the level by what was seen, less what the ledger gives for its moment; what moved
since then stays on top of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import connection

from inventory.level_fields import LevelState
from inventory.models import Reason
from inventory.services.ledger import LedgerRow
from pms_backend.api.arrays import as_array

# One look into the index for each level, however long its ledger is.
_LATER: Final = """
SELECT figure.level_id, later.total
FROM unnest(%s::bigint[], %s::timestamptz[]) AS figure(level_id, moment)
CROSS JOIN LATERAL (
    SELECT sum(movement.delta)::bigint AS total FROM inventory_stockmovement AS movement
    WHERE movement.level_id = figure.level_id AND movement.occurred_at > figure.moment
) AS later
WHERE later.total IS NOT NULL
"""


def present_moment() -> datetime:
    """Now, by the clock that movements are stamped with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def later_movements(moments: Mapping[int, datetime]) -> dict[int, int]:
    """The sum of each locked level's movements after its moment, by the level's id; none where nothing moved."""
    with connection.cursor() as cursor:
        cursor.execute(_LATER, [as_array(list(moments)), as_array(list(moments.values()))])
        return dict(cursor.fetchall())


def apply_absolute_count(
    state: LevelState,
    *,
    on_hand: int,
    moment: datetime,
    later: int,
    note: str = "",
    reference: str = "",
    source: str = "",
) -> tuple[LevelState, LedgerRow | None]:
    """The locked level with a figure of `moment`, and the `count` movement that takes it there, if one does.

    `later` is the sum of its movements after that moment. A level with a figure of a later moment is returned as it is.
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
    )
