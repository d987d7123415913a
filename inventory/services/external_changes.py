"""Changes and counts that another system reports: facts, which always apply (ADR 6). The caller has locked the level.

`on_hand` depends on the set of facts, not on the order of their arrival: it is the latest count plus every movement of
a later moment. A change may arrive late, when the level already has a count of a later moment. Then the change is
written, and a `count` movement with the moment of that count reverses it: the ledger shows both, and the count still
applies.
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
    """Adds a change that happened in another system at `occurred_at`; `source` is the unique name of the report."""
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
        after, reversal = _apply_count(
            after,
            on_hand=state.counted_on_hand,
            moment=state.counted_at,
            note=f"Keeps the count of {state.counted_at:%Y-%m-%d %H:%M}; {source} arrived later.",
        )
        rows += [reversal] if reversal else []
    return write_locked_level(after, rows)


def apply_reported_count(
    *, state: LevelState, on_hand: int, occurred_at: datetime, source: str, note: str = ""
) -> list[StockChange]:
    """Applies the count that the owner of the stock reports for `occurred_at`, unless the level has a later count."""
    after, row = _apply_count(state, on_hand=on_hand, moment=occurred_at, note=note, source=source)
    return [] if after is state else write_locked_level(after, [row] if row else [])


def _apply_count(
    state: LevelState, *, on_hand: int, moment: datetime, note: str, source: str = ""
) -> tuple[LevelState, LedgerRow | None]:
    later = later_movements({state.id: moment}).get(state.id, 0)
    return apply_absolute_count(state, on_hand=on_hand, moment=moment, later=later, note=note, source=source)
