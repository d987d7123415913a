"""Levels on a sheet: locked in order at once, changed in memory, written in one statement."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from inventory.services.ledger import LedgerRow, write_locked_levels
from inventory.services.levels import Key, LevelState, create_levels, lock_levels


class LevelBatch:
    """Levels that are locked to the end of the transaction, and what becomes of them.

    Of all its changes of a level, the last alone says whether that has crossed its reorder point.

    A transaction has one sheet with every level that it may touch: two would be two orders of locks. Its movements
    refer to `reference`.
    """

    def __init__(self, keys: Iterable[Key], *, reference: str = "") -> None:
        self._reference = reference
        self._keys = set(keys)
        self.states = lock_levels(self._keys)
        self._changed: dict[Key, LevelState] = {}
        self._rows: list[LedgerRow] = []

    def make(self, keys: Iterable[Key]) -> None:
        """Makes those of the sheet's `keys` that there are not yet, before anything is changed."""
        if missing := set(keys) - set(self.states):
            create_levels(missing)
            self.states = lock_levels(self._keys)

    def change(self, key: Key, *, on_hand: int = 0, reserved: int = 0, incoming: int = 0, reason: str = "") -> None:
        """Adds these units to a level's figures: one more of its versions, and a movement where `on_hand` changes."""
        before = self.states[key]
        after = before.changed(on_hand=on_hand, reserved=reserved, incoming=incoming)
        self.states[key] = self._changed[key] = after
        self._rows.append(LedgerRow(before=before, after=after, reason=reason, reference=self._reference))

    def write(self) -> None:
        """Writes what has changed, with ledger and outbox."""
        write_locked_levels(states=list(self._changed.values()), rows=list(self._announced_once()))

    def _announced_once(self) -> Iterator[LedgerRow]:
        # What crosses the reorder point and comes back within one write was never low, or never enough, to anybody.
        ends = {row.after.id: row for row in self._rows}
        began: dict[int, bool] = {}
        for row in self._rows:
            was_low = began.setdefault(row.after.id, row.before.is_low)
            yield replace(row, low_before=was_low if row is ends[row.after.id] else row.after.is_low)
