"""Posting a count sheet: what was counted becomes the figure of its moment, in one go."""

from typing import Final

from django.db import connection

from inventory.events import StocktakePosted
from inventory.exceptions import LocationInactive
from inventory.models import Stocktake, StocktakeLine, StocktakeStatus
from inventory.representation import stocktake_as_dict
from inventory.services.absolute_counts import apply_absolute_count, later_movements
from inventory.services.ledger import LedgerRow, write_locked_levels
from inventory.services.levels import LevelState, create_levels, lock_levels
from inventory.services.stocktakes import close_stocktake, lock_stocktake, require_status
from pms_backend.api.arrays import as_array
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox

_NOTE_DELTAS: Final = """
UPDATE inventory_stocktakeline AS line SET posted_delta = posted.delta
FROM unnest(%s::bigint[], %s::bigint[]) AS posted(id, delta) WHERE line.id = posted.id
"""


@retried_atomic
def post_stocktake(*, stocktake_id: int) -> Stocktake:
    """Takes over all that was counted, each figure of its own moment; one that is posted stays so.

    A count changes its level by what was counted, less what the ledger gives for that moment, so what moved since then
    stays on top; it is one `count` movement. Where a later figure is known, the count changes nothing and its
    `posted_delta` stays null; what was not counted is left alone. Takes a constant number of statements. Raises
    `StocktakeStateConflict`, `LocationInactive`, `Stocktake.DoesNotExist`.
    """
    stocktake = lock_stocktake(stocktake_id)
    if stocktake.status == StocktakeStatus.POSTED:
        return stocktake
    require_status(stocktake, "posted", StocktakeStatus.OPEN)
    if not stocktake.location.is_active:
        raise LocationInactive(stocktake.location.code)
    lines = list(stocktake.lines.filter(counted__isnull=False))
    states = _lock(stocktake, lines)
    later = later_movements({states[line.variant_id].id: line.counted_at for line in lines if line.counted_at})
    changed: list[LevelState] = []
    rows: list[LedgerRow] = []
    for line in lines:
        state = states[line.variant_id]
        after, row = _count(stocktake, line, state, later.get(state.id, 0))
        if after is not state:
            line.posted_delta = row.delta if row else 0
            changed.append(after)
            rows += [row] if row else []
    write_locked_levels(states=changed, rows=rows)
    _note_deltas([line for line in lines if line.posted_delta is not None])
    close_stocktake(stocktake, StocktakeStatus.POSTED)
    outbox.record(StocktakePosted(stocktake=stocktake_as_dict(stocktake)))
    return stocktake


def _lock(stocktake: Stocktake, lines: list[StocktakeLine]) -> dict[int, LevelState]:
    """The counted levels, locked, made where there are none; by variant."""
    keys = {(line.variant_id, stocktake.location_id) for line in lines}
    states = lock_levels(keys)
    if missing := keys - set(states):
        create_levels(missing)
        states = lock_levels(keys)
    return {variant_id: state for (variant_id, _), state in states.items()}


def _count(
    stocktake: Stocktake, line: StocktakeLine, state: LevelState, later: int
) -> tuple[LevelState, LedgerRow | None]:
    if line.counted is None or line.counted_at is None:
        return state, None
    return apply_absolute_count(
        state,
        on_hand=line.counted,
        moment=line.counted_at,
        later=later,
        note=stocktake.note,
        reference=f"stocktake:{stocktake.pk}",
    )


def _note_deltas(lines: list[StocktakeLine]) -> None:
    with connection.cursor() as cursor:
        columns = [line.pk for line in lines], [line.posted_delta for line in lines]
        cursor.execute(_NOTE_DELTAS, [as_array(column) for column in columns])
