"""Where the units of a reservation come from."""

from collections.abc import Mapping, Sequence

from inventory.level_fields import LevelState
from inventory.services.levels import Key


class Allocation:
    """Shares out what levels have, each line upon what the earlier ones left."""

    def __init__(self, states: Mapping[Key, LevelState]) -> None:
        self._states = states
        self.taken: dict[Key, int] = {}

    def take(self, quantity: int, keys: Sequence[Key]) -> bool:
        """Takes a whole line from levels that are named in the order of their priority, or nothing.

        The first that has it all serves it alone; else it is split over what is there; else, beyond that, over what the
        backorder limits allow. Whether it could.
        """
        places = [key for key in keys if key in self._states]
        whole = next((key for key in places if self._available(key) >= quantity), None)
        shares = self._split(quantity, places) if whole is None else {whole: quantity}
        if sum(shares.values()) < quantity:
            return False
        for key, units in shares.items():
            self.taken[key] = self.taken.get(key, 0) + units
        return True

    def available(self, keys: Sequence[Key]) -> int:
        """What is left over all of these, without what could be backordered."""
        return sum(max(0, self._available(key)) for key in keys if key in self._states)

    def _available(self, key: Key) -> int:
        return self._states[key].available - self.taken.get(key, 0)

    def _promisable(self, key: Key) -> int:
        return self._available(key) + self._states[key].backorder_limit

    def _split(self, quantity: int, places: Sequence[Key]) -> dict[Key, int]:
        shares: dict[Key, int] = {}
        for room in (self._available, self._promisable):
            for key in places:
                missing = quantity - sum(shares.values())
                units = min(missing, room(key) - shares.get(key, 0))
                if units > 0:
                    shares[key] = shares.get(key, 0) + units
        return shares
