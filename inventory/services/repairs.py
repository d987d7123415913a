"""Setting a level to the sum of its ledger, where something has bypassed the triggers that keep both equal."""

from typing import Final

from django.db import connection

from inventory.exceptions import LedgerContradictsItself
from inventory.models import StockLevel
from inventory.services.ledger import LedgerRow, StockChange, write_locked_level
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

_PROMISES: Final = """
SELECT (SELECT coalesce(sum(reserved), 0)::bigint FROM inventory_reservationline
        WHERE level_id = %s AND reserved > 0),
    (SELECT coalesce(sum(in_transit), 0)::bigint FROM inventory_transferline
        WHERE target_level_id = %s AND in_transit > 0)
"""


@retried_atomic
def repair_level(*, level_id: int) -> StockChange | None:
    """Sets a level to the sums of its movements, reservations and transfers; returns None where nothing changes.

    It records `stock.changed`, and only reads the ledger. Raises `LedgerContradictsItself` where a movement does not
    follow from the one before, since the sum is then unknown; `StockLevel.DoesNotExist`.
    """
    level = StockLevel.objects.get(pk=level_id)
    state = lock_level(variant_id=level.variant_id, location_id=level.location_id)
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [level_id])
        total, since_count, newest, broken = cursor.fetchone()
        cursor.execute(_PROMISES, [level_id, level_id])
        reserved, incoming = cursor.fetchone()
    if broken:
        raise LedgerContradictsItself(f"{broken} of the movements of {level} do not follow from the one before.")
    after = state._replace(on_hand=total, reserved=reserved, incoming=incoming, version=max(state.version, newest))
    if state.counted_at is not None:
        after = after._replace(counted_on_hand=total - since_count)
    after = after._replace(is_oversold=after.is_short)
    if after == state:
        return None
    after = after._replace(version=after.version + 1)
    # No units have moved: the level was wrong.
    before = state._replace(on_hand=total)
    return write_locked_level(after, [LedgerRow(before=before, after=after)])[0]
