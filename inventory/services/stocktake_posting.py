"""Posting a count sheet: all counts are applied at once, each at its own moment."""

from inventory.events import StocktakePosted
from inventory.exceptions import LocationInactive
from inventory.level_fields import LevelState
from inventory.models import Stocktake, StocktakeLine, StocktakeStatus
from inventory.representation import stocktake_as_dict
from inventory.services.absolute_counts import apply_absolute_count, later_movements
from inventory.services.ledger import LedgerRow
from inventory.services.level_batch import LevelBatch
from inventory.services.line_updates import write_lines
from inventory.services.stocktakes import close_stocktake, lock_stocktake, require_status
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox


@retried_atomic
def post_stocktake(*, stocktake_id: int) -> Stocktake:
    """Applies all counts of the sheet, each at its own moment; a posted sheet is returned as it is.

    A count changes its level by the counted units, less those that the ledger has for that moment, so later movements
    stay on top; it is one `count` movement. Where the level has a later count, it changes nothing and its
    `posted_delta` stays null. Lines without a count change nothing. Takes a constant number of statements. Raises
    `StocktakeStateConflict`, `LocationInactive`, `Stocktake.DoesNotExist`.
    """
    stocktake = lock_stocktake(stocktake_id)
    if stocktake.status == StocktakeStatus.POSTED:
        return stocktake
    require_status(stocktake, "posted", StocktakeStatus.OPEN)
    if not stocktake.location.is_active:
        raise LocationInactive(stocktake.location.code)
    lines = list(stocktake.lines.filter(counted__isnull=False))
    keys = [(line.variant_id, stocktake.location_id) for line in lines]
    levels = LevelBatch(keys, create=keys)
    moments = {levels.states[key].id: line.counted_at for key, line in zip(keys, lines, strict=True) if line.counted_at}
    later = later_movements(moments)
    for key, line in zip(keys, lines, strict=True):
        state = levels.states[key]
        after, row = _counted(stocktake, line, state, later.get(state.id, 0))
        if after is not state:
            line.posted_delta = row.delta if row else 0
            levels.store(key, after, row)
    levels.write()
    write_lines([line for line in lines if line.posted_delta is not None], "posted_delta")
    close_stocktake(stocktake, StocktakeStatus.POSTED)
    outbox.record(StocktakePosted(stocktake=stocktake_as_dict(stocktake)))
    return stocktake


def _counted(
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
