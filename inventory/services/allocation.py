"""Choosing the levels that serve a reservation."""

from collections.abc import Mapping, Sequence

from inventory.level_fields import LevelState
from inventory.services.levels import Key


class Allocation:
    """Allocates units of levels to lines, in turn."""

    def __init__(self, states: Mapping[Key, LevelState]) -> None:
        self._states = states
        self.allocated: dict[Key, int] = {}

    def allocate(self, quantity: int, keys: Sequence[Key]) -> bool:
        """Allocates all units of a line, or none; returns whether it could. The keys come in order of priority.

        The first level that has all units serves the line alone; else it is split over the available units, and then
        over the backorder limits.
        """
        existing = [key for key in keys if key in self._states]
        whole = next((key for key in existing if self._available(key) >= quantity), None)
        shares = self._split(quantity, existing) if whole is None else {whole: quantity}
        if sum(shares.values()) < quantity:
            return False
        for key, units in shares.items():
            self.allocated[key] = self.allocated.get(key, 0) + units
        return True

    def available(self, keys: Sequence[Key]) -> int:
        """The units still available at these levels, without backorders."""
        return sum(max(0, self._available(key)) for key in keys if key in self._states)

    def _available(self, key: Key) -> int:
        return self._states[key].available - self.allocated.get(key, 0)

    def _available_with_backorders(self, key: Key) -> int:
        return self._available(key) + self._states[key].backorder_limit

    def _split(self, quantity: int, keys: Sequence[Key]) -> dict[Key, int]:
        shares: dict[Key, int] = {}
        for room in (self._available, self._available_with_backorders):
            for key in keys:
                missing = quantity - sum(shares.values())
                units = min(missing, room(key) - shares.get(key, 0))
                if units > 0:
                    shares[key] = shares.get(key, 0) + units
        return shares
