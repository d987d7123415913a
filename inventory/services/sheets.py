"""Levels on a sheet: locked in order at once, changed in memory, written in one statement."""

from collections.abc import Iterable

from inventory.services.ledger import LedgerRow, StockChange, write_locked_levels
from inventory.services.levels import Key, LevelState, lock_levels


class LevelSheet:
    """Levels that are locked to the end of the transaction, and what becomes of them.

    A transaction has one sheet with every level that it may touch: two would be two orders of locks.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.states = lock_levels(keys)
        self._changed: dict[Key, LevelState] = {}
        self._rows: list[LedgerRow] = []

    def change(self, key: Key, *, on_hand: int = 0, reserved: int = 0, reason: str = "", reference: str = "") -> None:
        """Adds these units to a level's figures: one more of its versions."""
        before = self.states[key]
        after = before.changed(on_hand=on_hand, reserved=reserved)
        self.states[key] = self._changed[key] = after
        self._rows.append(LedgerRow(before=before, after=after, reason=reason, reference=reference))

    def write(self) -> list[StockChange]:
        """Writes what has changed, with ledger and outbox."""
        return write_locked_levels(states=list(self._changed.values()), rows=self._rows)
