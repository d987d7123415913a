"""Many levels at once: locked in order, changed in memory, written in one statement."""

from collections.abc import Iterable

from inventory.level_fields import LevelState
from inventory.services.ledger import LedgerRow, write_locked_levels
from inventory.services.levels import Key, create_levels, lock_levels


class LevelBatch:
    """Levels that are locked to the end of the transaction, by (variant, location), and their changes.

    A transaction has one batch with every level that it may touch: two would lock in two orders. `states` are the
    levels as they stand after the changes; movements have this `reference`.
    """

    def __init__(self, keys: Iterable[Key], *, create: Iterable[Key] = (), reference: str = "") -> None:
        self._reference = reference
        self._keys = set(keys)
        self.states = lock_levels(self._keys)
        self._changed: dict[Key, LevelState] = {}
        self._rows: list[LedgerRow] = []
        self.create(create)

    def create(self, keys: Iterable[Key]) -> None:
        """Creates those of the batch's levels that do not exist yet. Comes before any change."""
        if missing := set(keys) - set(self.states):
            create_levels(missing)
            self.states = lock_levels(self._keys)

    def change(self, key: Key, *, on_hand: int = 0, reserved: int = 0, incoming: int = 0, reason: str = "") -> None:
        """Adds these units to a level: one more version of it, and a movement where `on_hand` changes."""
        before = self.states[key]
        after = before.changed(on_hand=on_hand, reserved=reserved, incoming=incoming)
        self.store(key, after, LedgerRow(before=before, after=after, reason=reason, reference=self._reference))

    def store(self, key: Key, after: LevelState, row: LedgerRow | None) -> None:
        """Stores a level after a change; without a row only its latest count has changed, or nothing."""
        if after is not self.states[key]:
            self.states[key] = self._changed[key] = after
        if row is not None:
            self._rows.append(row)

    def write(self, *, each_crossing: bool = False, is_reported: bool = False) -> None:
        """Writes the changed levels, with ledger and outbox.

        Of all changes of a level, the last alone announces that it has crossed its reorder point since the first; with
        `each_crossing` every change that crosses it does. `is_reported` as in `write_locked_levels`.
        """
        rows = self._rows if each_crossing else self._rows_crossing_once()
        write_locked_levels(states=list(self._changed.values()), rows=rows, is_reported=is_reported)

    def _rows_crossing_once(self) -> list[LedgerRow]:
        last = {row.after.id: row for row in self._rows}
        if len(last) == len(self._rows):
            return self._rows
        # A level that crosses its reorder point and comes back within one write was never low to any reader.
        was_low: dict[int, bool] = {}
        rows = []
        for row in self._rows:
            first = was_low.setdefault(row.after.id, row.before.is_low)
            rows.append(row._replace(low_before=first if row is last[row.after.id] else row.after.is_low))
        return rows
