"""What another system reports of a level that the caller has locked: facts, which always apply.

A level's figure is a function of the set of facts, whatever the order of their arrival: the latest absolute figure, and
every movement of a later moment. A fact that is late for that figure is written and taken back by a `count` movement of
the figure's moment, so that the ledger shows both and the figure stays.
"""

from dataclasses import replace
from datetime import datetime

from django.db.models import Sum

from inventory.models import Reason, StockMovement
from inventory.services.ledger import LedgerRow, StockChange, write_locked_levels
from inventory.services.levels import LevelState


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
    if state.counted_at is not None and occurred_at <= state.counted_at:
        kept = _settled(after, note=f"Keeps the count of {state.counted_at:%Y-%m-%d %H:%M}; {source} came later.")
        rows += kept
        after = kept[-1].after if kept else after
    return write_locked_levels(states=[after], rows=rows)


def apply_reported_figure(
    *, state: LevelState, on_hand: int, occurred_at: datetime, source: str, note: str = ""
) -> list[StockChange]:
    """Takes over the figure that the owner of the stock gave for `occurred_at`, unless a count is later than that."""
    if state.counted_at is not None and state.counted_at > occurred_at:
        return []
    counted = replace(state, counted_on_hand=on_hand, counted_at=occurred_at)
    rows = _settled(counted, note=note, source=source)
    return write_locked_levels(states=[rows[-1].after if rows else counted], rows=rows)


def _settled(state: LevelState, *, note: str, source: str = "") -> list[LedgerRow]:
    """The movement that takes the level to what its facts say; none where it is there already."""
    if state.counted_on_hand is None:
        raise ValueError("A level that was never counted has nothing to settle on.")
    later = StockMovement.objects.filter(level_id=state.id, occurred_at__gt=state.counted_at)
    delta = state.counted_on_hand + (later.aggregate(sum=Sum("delta"))["sum"] or 0) - state.on_hand
    if not delta:
        return []
    return [
        LedgerRow(
            before=state,
            after=state.changed(on_hand=delta),
            reason=Reason.COUNT,
            note=note,
            source=source,
            occurred_at=state.counted_at,
        )
    ]
