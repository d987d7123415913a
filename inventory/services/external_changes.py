"""What another system reports of a level that the caller has locked: facts, which always apply.

A level's figure is a function of the set of facts, whatever the order of their arrival: the latest absolute figure, and
every movement of a later moment. A fact that is late for that figure is written and taken back by a `count` movement of
the figure's moment, so that the ledger shows both and the figure stays.
"""

from datetime import datetime

from inventory.level_fields import LevelState
from inventory.services.absolute_counts import apply_absolute_count, later_movements
from inventory.services.ledger import LedgerRow, StockChange, write_locked_level


def apply_reported_change(
    *,
    state: LevelState,
    delta: int,
    occurred_at: datetime,
    reason: str,
    note: str = "",
    reference: str = "",
    source: str,
) -> list[StockChange]:
    """Adds what happened elsewhere at `occurred_at`; `source` names the report, and is written once."""
    after = state.changed(on_hand=delta)
    rows = [
        LedgerRow(
            before=state,
            after=after,
            reason=reason,
            note=note,
            reference=reference,
            source=source,
            occurred_at=occurred_at,
        )
    ]
    if state.counted_on_hand is not None and state.counted_at is not None and occurred_at <= state.counted_at:
        after, kept = _take(
            after,
            on_hand=state.counted_on_hand,
            moment=state.counted_at,
            note=f"Keeps the count of {state.counted_at:%Y-%m-%d %H:%M}; {source} came later.",
        )
        rows += [kept] if kept else []
    return write_locked_level(after, rows)


def apply_reported_figure(
    *, state: LevelState, on_hand: int, occurred_at: datetime, source: str, note: str = ""
) -> list[StockChange]:
    """Takes over the figure that the owner of the stock gave for `occurred_at`, unless a count is later than that."""
    after, row = _take(state, on_hand=on_hand, moment=occurred_at, note=note, source=source)
    return [] if after is state else write_locked_level(after, [row] if row else [])


def _take(
    state: LevelState, *, on_hand: int, moment: datetime, note: str, source: str = ""
) -> tuple[LevelState, LedgerRow | None]:
    later = later_movements({state.id: moment}).get(state.id, 0)
    return apply_absolute_count(state, on_hand=on_hand, moment=moment, later=later, note=note, source=source)
