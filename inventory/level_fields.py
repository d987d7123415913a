"""The fields of a level, defined here once: `LevelData` as it is shown, `LevelState` as it is locked and written.

`representation.py` derives the dicts from them, `services/ledger.py` the columns and the JSON of its SQL.
"""

from datetime import datetime
from typing import Final, NamedTuple, TypedDict


class LevelData(TypedDict):
    """A level as the API, the events and the sockets show it."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    incoming: int
    available: int
    version: int
    reorder_point: int | None
    backorder_limit: int
    is_oversold: bool
    updated_at: datetime


class LevelState(NamedTuple):
    """A locked level, in memory."""

    id: int
    variant_id: int
    location_id: int
    on_hand: int
    reserved: int
    incoming: int
    version: int
    reorder_point: int | None
    backorder_limit: int
    is_oversold: bool
    counted_on_hand: int | None
    counted_at: datetime | None

    @property
    def available(self) -> int:
        """The units that can still be promised."""
        return self.on_hand - self.reserved

    @property
    def is_short(self) -> bool:
        """Whether more is promised than the backorder limit allows."""
        return self.available < -self.backorder_limit

    @property
    def is_low(self) -> bool:
        """Whether no more is available than the reorder point."""
        return self.reorder_point is not None and self.available <= self.reorder_point

    def changed(self, *, on_hand: int = 0, reserved: int = 0, incoming: int = 0) -> "LevelState":
        """The level after one more change, which adds these units to its quantities."""
        on_hand, reserved = self.on_hand + on_hand, self.reserved + reserved
        # By position: `_replace` takes three times as long, and a bulk calls this 10,000 times.
        return LevelState(
            self.id,
            self.variant_id,
            self.location_id,
            on_hand,
            reserved,
            self.incoming + incoming,
            self.version + 1,
            self.reorder_point,
            self.backorder_limit,
            on_hand - reserved < -self.backorder_limit,
            self.counted_on_hand,
            self.counted_at,
        )


LEVEL_FIELDS: Final = tuple(LevelData.__annotations__)
# The columns that a service may change, and those of them that are shown.
WRITTEN_COLUMNS: Final = LevelState._fields[3:]
SHOWN_COLUMNS: Final = tuple(name for name in WRITTEN_COLUMNS if name in LEVEL_FIELDS)
# Those that differ between several changes of a level in one write; the others are the same after each of them.
CHANGED_COLUMNS: Final = ("on_hand", "reserved", "incoming", "version", "is_oversold")
