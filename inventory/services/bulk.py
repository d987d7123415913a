"""Bulk adjustments and counts: levels are locked in order, rows applied in memory in turn, and all written at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.utils.translation import gettext as _

from inventory.exceptions import (
    DedupeConflict,
    InsufficientStock,
    LocationInactive,
    UnknownLocation,
    UnknownSku,
    VersionConflict,
)
from inventory.level_fields import LevelState
from inventory.models import Location
from inventory.services.absolute_counts import apply_absolute_count, later_movements, present_moment
from inventory.services.adjustments import check_adjustment, check_dedupe, is_fact
from inventory.services.counts import check_count
from inventory.services.dedupe import Acted, first_deltas
from inventory.services.ledger import LedgerRow
from inventory.services.level_batch import LevelBatch
from inventory.services.levels import Key, variants_of
from pms_backend.api.bulk import Outcome, rejection, require_all
from pms_backend.api.exceptions import DomainError
from pms_backend.api.transactions import retried_atomic, rolled_back
from products.skus import sku_key

MAX_BULK_ROWS = 10_000


# Rows of a bulk, of which there are up to 10,000, are not frozen: `__init__` of a frozen one takes three times as long.


@dataclass(slots=True, kw_only=True)
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


@dataclass(slots=True, kw_only=True)
class Count:
    """One count of a bulk."""

    index: int
    sku: str
    location: str
    on_hand: int
    expected_on_hand: int | None = None
    note: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What a row does: its outcome, and what is on hand before and after it; None for a row that is refused."""

    outcome: Outcome
    level_id: int | None = None
    before: int | None = None
    after: int | None = None


Row = TypeVar("Row", Adjustment, Count)
# The outcome of a row, its level afterwards, and its movement.
_Step = tuple[Outcome, LevelState | None, LedgerRow | None]


@dataclass(frozen=True, slots=True)
class _Bulk(Generic[Row]):
    """Rows, their locked levels, the errors of those that name none, and what one row does to its level."""

    levels: LevelBatch
    rows: Sequence[Row]
    errors: Mapping[int, DomainError]
    change: Callable[[Row], tuple[LevelState, LedgerRow | None]]

    def apply(self) -> list[_Step]:
        """Applies the rows in turn, in memory."""
        steps: list[_Step] = []
        for row in self.rows:
            try:
                if row.index in self.errors:
                    raise self.errors[row.index]
                after, ledger_row = self.change(row)
            except DomainError as error:
                steps.append((rejection(row.index, error, sku=row.sku), None, None))
            else:
                self.levels.store((after.variant_id, after.location_id), after, ledger_row)
                outcome = Outcome(row.index, "applied" if ledger_row else "unchanged", {"sku": row.sku})
                steps.append((outcome, after, ledger_row))
        return steps


@retried_atomic
def adjust_stock_in_bulk(*, rows: Sequence[Adjustment], atomic: bool = False) -> list[Outcome]:
    """Applies the rows in their order; one that is refused is `rejected`, with the reason, unless `atomic`.

    One with `dedupe` whose level, `reference` and `reason` have acted before, here or earlier, is `unchanged`.

    Raises `BulkInvalid` and `BulkConflict` where `atomic`.
    """
    return _write(_adjusting(rows), atomic=atomic)


@retried_atomic
def count_stock_in_bulk(*, rows: Sequence[Count], atomic: bool = False) -> list[Outcome]:
    """Applies each count, made just now; one that finds what is on hand is `unchanged`. Else as the bulk adjustment."""
    return _write(_counting(rows), atomic=atomic)


@retried_atomic
def preview_bulk(*, rows: Sequence[Adjustment | Count]) -> list[RowResult]:
    """What the bulk service of these rows, all of one kind, would do now. Writes nothing; locks levels for a moment."""
    # Undoes the empty levels.
    with rolled_back():
        return [_result(*step) for step in _bulk_of(rows).apply()]


@retried_atomic
def apply_bulk(*, rows: Sequence[Adjustment | Count], atomic: bool = False) -> list[Outcome]:
    """Applies rows of one kind as their bulk service does. Raises `BulkInvalid` and `BulkConflict` where `atomic`."""
    return _write(_bulk_of(rows), atomic=atomic)


def _result(outcome: Outcome, after: LevelState | None, row: LedgerRow | None) -> RowResult:
    if after is None:
        return RowResult(outcome)
    return RowResult(outcome, after.id, after.on_hand - (row.delta if row else 0), after.on_hand)


def _bulk_of(rows: Sequence[Adjustment | Count]) -> _Bulk[Any]:
    counts = [row for row in rows if isinstance(row, Count)]
    return _counting(counts) if counts else _adjusting([row for row in rows if isinstance(row, Adjustment)])


def _adjusting(rows: Sequence[Adjustment]) -> _Bulk[Adjustment]:
    keys, errors = _keys_of(rows)
    # A claim on a level that does not exist is refused without creating one.
    increases = [row for row in rows if row.delta > 0 or is_fact(row.reason)]
    levels = LevelBatch(keys.values(), create=[keys[row.index] for row in increases if row.index in keys])
    known = [(levels.states.get(keys[row.index]), row) for row in rows if row.dedupe and row.index in keys]
    acted = first_deltas([(state.id, row.reference, row.reason) for state, row in known if state is not None])

    def adjusted(row: Adjustment) -> tuple[LevelState, LedgerRow | None]:
        return _adjusted(levels.states.get(keys[row.index]), row, acted)

    return _Bulk(levels, rows, errors, adjusted)


def _counting(rows: Sequence[Count]) -> _Bulk[Count]:
    keys, errors = _keys_of(rows)
    levels = LevelBatch(keys.values(), create=keys.values())
    moment = present_moment()
    # Movements later than now have a moment by the clock of another system.
    later = later_movements((state.id, moment) for state in levels.states.values())

    def counted(row: Count) -> tuple[LevelState, LedgerRow | None]:
        state = levels.states[keys[row.index]]
        return _counted(state, row, moment, later.get((state.id, moment), 0))

    return _Bulk(levels, rows, errors, counted)


def _keys_of(rows: Sequence[Adjustment] | Sequence[Count]) -> tuple[dict[int, Key], dict[int, DomainError]]:
    """The level of each row, by its index, and the errors of the rows whose names are not valid."""
    sku_keys = {row.sku: sku_key(row.sku) for row in rows}
    variants = variants_of(sku_keys.values())
    codes = {row.location for row in rows}
    locations = {location.code: location for location in Location.objects.filter(code__in=codes)}
    keys: dict[int, Key] = {}
    errors: dict[int, DomainError] = {}
    for row in rows:
        variant, location = variants.get(sku_keys[row.sku]), locations.get(row.location)
        if variant is None:
            errors[row.index] = UnknownSku(row.sku)
        elif location is None:
            errors[row.index] = UnknownLocation(row.location)
        elif not location.is_active:
            errors[row.index] = LocationInactive(row.location)
        else:
            keys[row.index] = (variant, location.pk)
    return keys, errors


def _write(bulk: _Bulk[Any], *, atomic: bool) -> list[Outcome]:
    """Applies the rows in turn and writes the levels; with `atomic` writes nothing if a row was refused."""
    outcomes = [outcome for outcome, _after, _row in bulk.apply()]
    if atomic:
        require_all(outcomes)
    bulk.levels.write(each_crossing=True)
    return outcomes


def _adjusted(state: LevelState | None, row: Adjustment, acted: Acted) -> tuple[LevelState, LedgerRow | None]:
    if state is None:
        raise InsufficientStock(row.sku, row.location, 0, abs(row.delta))
    check_adjustment(row.delta, row.reason)
    check_dedupe(row.reference, dedupe=row.dedupe)
    natural_key = (state.id, row.reference, row.reason)
    if row.dedupe and natural_key in acted:
        if acted[natural_key] != row.delta:
            raise DedupeConflict(row.reference, acted[natural_key])
        return state, None
    if row.expected_version is not None and row.expected_version != state.version:
        raise VersionConflict(
            _("%(sku)s at %(location)s is at version %(version)s.")
            % {"sku": row.sku, "location": row.location, "version": state.version}
        )
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
        raise VersionConflict(
            _("%(on_hand)s of %(sku)s were known at %(location)s, not %(expected_on_hand)s.")
            % {
                "on_hand": state.on_hand,
                "sku": row.sku,
                "location": row.location,
                "expected_on_hand": row.expected_on_hand,
            }
        )
    return apply_absolute_count(
        state, on_hand=row.on_hand, moment=moment, later=later, note=row.note, reference=row.reference
    )
