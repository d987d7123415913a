"""Setting a level to what its ledger says, where something went past everything that keeps them together."""

from dataclasses import replace
from typing import Final

from django.db import connection

from inventory.exceptions import LedgerContradictsItself
from inventory.models import StockLevel
from inventory.services.ledger import LedgerRow, StockChange, write_locked_levels
from inventory.services.levels import lock_level
from pms_backend.api.transactions import retried_atomic

_SUMS: Final = """
SELECT coalesce(sum(delta), 0)::bigint, coalesce(sum(delta) FILTER (WHERE occurred_at > counted_at), 0)::bigint,
    coalesce(max(level_version), 0), count(*) FILTER (WHERE on_hand_after <> on_hand_before + delta)
FROM (
    SELECT movement.*, level.counted_at,
        lag(on_hand_after, 1, 0::bigint) OVER (ORDER BY level_version) AS on_hand_before
    FROM inventory_stockmovement AS movement JOIN inventory_stocklevel AS level ON level.id = movement.level_id
    WHERE level.id = %s
) AS line
"""


@retried_atomic
def repair_level(*, level_id: int) -> StockChange | None:
    """Sets a level to the sum of its movements, announced as a change of its own; nothing where it is so already.

    The ledger is what happened: it is read and never written. Raises `LedgerContradictsItself` where a movement does
    not follow from the one before, since then nobody can say what it adds up to; `StockLevel.DoesNotExist`.
    """
    level = StockLevel.objects.get(pk=level_id)
    state = lock_level(variant_id=level.variant_id, location_id=level.location_id)
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [level_id])
        total, since_count, newest, broken = cursor.fetchone()
    if broken:
        raise LedgerContradictsItself(f"{broken} of the movements of {level} do not follow from the one before.")
    after = replace(state, on_hand=total, version=max(state.version, newest))
    if state.counted_at is not None:
        after = replace(after, counted_on_hand=total - since_count)
    after = replace(after, is_oversold=after.is_short)
    if after == state:
        return None
    after = replace(after, version=after.version + 1)
    return write_locked_levels(states=[after], rows=[LedgerRow(state=after, was_oversold=state.is_oversold)])[0]
