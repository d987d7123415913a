"""The levels that a transfer touches: locked together, changed in memory, written at once."""

from collections.abc import Iterable, Sequence
from typing import Final

from django.db import connection

from inventory.models import TransferLine
from inventory.services.ledger import LedgerRow, write_locked_levels
from inventory.services.levels import Key, LevelState, create_levels, lock_levels


class LockedLevels:
    """The levels that there are of `keys`, locked in the order of all; their movements will refer to `reference`."""

    def __init__(self, keys: Iterable[Key], *, reference: str) -> None:
        self._keys = set(keys)
        self._states = lock_levels(self._keys)
        self._changed: dict[Key, LevelState] = {}
        self._rows: list[LedgerRow] = []
        self._reference = reference

    def make(self, keys: Iterable[Key]) -> None:
        """Makes those of `keys` that there are not yet, before anything is changed."""
        if missing := set(keys) - set(self._states):
            create_levels(missing)
            self._states = lock_levels(self._keys)

    def get(self, key: Key) -> LevelState | None:
        """The level as it stands in memory."""
        return self._states.get(key)

    def id_of(self, key: Key) -> int:
        """Of a level that is there."""
        return self._states[key].id

    def change(self, key: Key, *, on_hand: int = 0, incoming: int = 0, reason: str = "") -> None:
        """Adds to the figures of a level that is there: one version of it, and a movement where `on_hand` changes."""
        before = self._states[key]
        after = before.changed(on_hand=on_hand, incoming=incoming)
        self._states[key] = self._changed[key] = after
        self._rows.append(LedgerRow(before=before, after=after, reason=reason, reference=self._reference))

    def write(self) -> None:
        """Writes what has changed, with its ledger and its events, in one statement."""
        write_locked_levels(states=list(self._changed.values()), rows=self._rows)


_WRITE_LINES: Final = """
UPDATE inventory_transferline AS line
SET target_level_id = row.target_level_id, in_transit = row.in_transit, received = row.received, lost = row.lost
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS row(id, target_level_id, in_transit, received, lost)
WHERE line.id = row.id
"""


def write_lines(lines: Sequence[TransferLine]) -> None:
    """Writes how far the lines of a locked transfer are, in one statement."""
    columns = zip(
        *((line.pk, line.target_level_id, line.in_transit, line.received, line.lost) for line in lines), strict=True
    )
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_LINES, [list(column) for column in columns])
