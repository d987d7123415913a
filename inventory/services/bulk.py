"""Many levels at a time: locked in order, worked out in memory in the order of the request, written at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from inventory.exceptions import (
    DedupeConflict,
    InsufficientStock,
    LocationInactive,
    UnknownLocation,
    UnknownSku,
    VersionConflict,
)
from inventory.models import Location
from inventory.services.absolute_counts import apply_absolute_count, later_movements, present_moment
from inventory.services.adjustments import check_adjustment, check_dedupe, is_fact
from inventory.services.counts import check_count
from inventory.services.dedupe import Acted, first_deltas
from inventory.services.ledger import LedgerRow, write_locked_levels
from inventory.services.levels import Key, LevelState, create_levels, lock_levels, variants_by_key
from pms_backend.api.bulk import Outcome, rejection, require_all
from pms_backend.api.exceptions import DomainError
from pms_backend.api.transactions import retried_atomic
from products.skus import sku_key

MAX_BULK_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """One relative change of a bulk."""

    index: int
    sku: str
    location: str
    delta: int
    reason: str
    note: str = ""
    reference: str = ""
    expected_version: int | None = None
    dedupe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One absolute figure of a bulk."""

    index: int
    sku: str
    location: str
    on_hand: int
    expected_on_hand: int | None = None
    note: str = ""


@retried_atomic
def adjust_stock_in_bulk(*, rows: Sequence[Adjustment], atomic: bool = False) -> list[Outcome]:
    """Applies the rows in their order; one that is refused is `rejected` and says why, unless `atomic`.

    One with `dedupe` whose level, `reference` and `reason` have acted before, here or earlier, is `unchanged`.

    Raises `BulkInvalid` and `BulkConflict` where `atomic`.
    """
    # A claim on a level that is not there is refused without making one.
    sheet = _Sheet(rows, makes_level=lambda row: row.delta > 0 or is_fact(row.reason))
    acted = sheet.acted(rows)

    def adjusted(state: LevelState, row: Adjustment) -> tuple[LevelState, LedgerRow | None]:
        return _adjusted(state, row, acted)

    outcomes = [sheet.apply(row, adjusted) for row in rows]
    return sheet.write(outcomes, atomic=atomic)


@retried_atomic
def count_stock_in_bulk(*, rows: Sequence[Count], atomic: bool = False) -> list[Outcome]:
    """Takes over each figure, counted just now; one that was known is `unchanged`. Otherwise as the bulk adjustment."""
    sheet = _Sheet(rows, makes_level=lambda _: True)
    moment, later = sheet.moment_and_later_movements()

    def counted(state: LevelState, row: Count) -> tuple[LevelState, LedgerRow | None]:
        return _counted(state, row, moment, later.get(state.id, 0))

    outcomes = [sheet.apply(row, counted) for row in rows]
    return sheet.write(outcomes, atomic=atomic)


def _adjusted(state: LevelState, row: Adjustment, acted: Acted) -> tuple[LevelState, LedgerRow | None]:
    check_adjustment(row.delta, row.reason)
    check_dedupe(row.reference, dedupe=row.dedupe)
    natural_key = (state.id, row.reference, row.reason)
    if row.dedupe and natural_key in acted:
        if acted[natural_key] != row.delta:
            raise DedupeConflict(row.reference, acted[natural_key])
        return state, None
    if row.expected_version is not None and row.expected_version != state.version:
        raise VersionConflict(f"{row.sku} at {row.location} is at version {state.version}.")
    if row.delta < 0 and not is_fact(row.reason) and state.available + row.delta < -state.backorder_limit:
        raise InsufficientStock(row.sku, row.location, state.available, -row.delta)
    after = state.changed(on_hand=row.delta)
    acted.setdefault(natural_key, row.delta)
    return after, LedgerRow(
        before=state,
        after=after,
        reason=row.reason,
        note=row.note,
        reference=row.reference,
        is_deduplicated=row.dedupe,
    )


def _counted(state: LevelState, row: Count, moment: datetime, later: int) -> tuple[LevelState, LedgerRow | None]:
    check_count(row.on_hand)
    if row.expected_on_hand is not None and row.expected_on_hand != state.on_hand:
        raise VersionConflict(f"{state.on_hand} of {row.sku} were known at {row.location}, not {row.expected_on_hand}.")
    return apply_absolute_count(state, on_hand=row.on_hand, moment=moment, later=later, note=row.note)


Row = TypeVar("Row", Adjustment, Count)


class _Sheet(Generic[Row]):
    """The levels that a bulk names, locked, and what becomes of them."""

    def __init__(self, rows: Sequence[Row], *, makes_level: Callable[[Row], bool]) -> None:
        self._variants = variants_by_key([row.sku for row in rows])
        self._locations = {
            location.code: location for location in Location.objects.filter(code__in={row.location for row in rows})
        }
        self._keys = {row.index: self._find(row) for row in rows}
        keys = {key for key in self._keys.values() if key is not None}
        wanted = {key for row in rows if (key := self._keys[row.index]) is not None and makes_level(row)}
        self._states = lock_levels(keys)
        if missing := wanted - set(self._states):
            create_levels(missing)
            self._states = lock_levels(keys)
        self._dirty: dict[Key, LevelState] = {}
        self._rows: list[LedgerRow] = []

    def _find(self, row: Row) -> Key | None:
        variant, location = self._variants.get(sku_key(row.sku)), self._locations.get(row.location)
        return None if variant is None or location is None or not location.is_active else (variant, location.pk)

    def moment_and_later_movements(self) -> tuple[datetime, dict[int, int]]:
        """Now, under the locks, and the sum of each level's movements whose moment is later still (another's clock)."""
        moment = present_moment()
        return moment, later_movements({state.id: moment for state in self._states.values()})

    def acted(self, rows: Sequence[Adjustment]) -> Acted:
        """What has acted under the natural keys of the rows that are to act once, as it is under the locks."""
        keys = ((self._keys[row.index], row) for row in rows if row.dedupe)
        states = ((self._states.get(key), row) for key, row in keys if key is not None)
        return first_deltas([(state.id, row.reference, row.reason) for state, row in states if state is not None])

    def apply(self, row: Row, change: Callable[[LevelState, Row], tuple[LevelState, LedgerRow | None]]) -> Outcome:
        """Works out one row upon what the earlier ones left."""
        try:
            key = self._require_key(row)
            state = self._states.get(key)
            if state is None:
                raise InsufficientStock(row.sku, row.location, 0, abs(getattr(row, "delta", 0)))
            after, ledger_row = change(state, row)
        except DomainError as error:
            return rejection(row.index, error, sku=row.sku)
        if after is not state:
            self._states[key] = self._dirty[key] = after
        if ledger_row is None:
            return Outcome(row.index, "unchanged", {"sku": row.sku})
        self._rows.append(ledger_row)
        return Outcome(row.index, "applied", {"sku": row.sku})

    def _require_key(self, row: Row) -> Key:
        key = self._keys[row.index]
        if key is not None:
            return key
        if sku_key(row.sku) not in self._variants:
            raise UnknownSku(row.sku)
        if row.location not in self._locations:
            raise UnknownLocation(row.location)
        raise LocationInactive(row.location)

    def write(self, outcomes: list[Outcome], *, atomic: bool) -> list[Outcome]:
        """Writes what has changed, unless `atomic` and something was refused."""
        if atomic:
            require_all(outcomes)
        write_locked_levels(states=list(self._dirty.values()), rows=self._rows)
        return outcomes
