"""Changes and counts that another system reports: facts, which always apply (ADR 6). The caller has locked the levels.

`on_hand` depends on the set of facts, not on the order of their arrival: it is the latest count plus every movement of
a later moment. A change may arrive late, when the level already has a count of a later moment. Then the change is
written, and a `count` movement with the moment of that count reverses it: the ledger shows both, and the count still
applies.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from inventory.level_fields import LevelState
from inventory.models import Reason
from inventory.services.absolute_counts import LevelMoment, apply_absolute_count, later_movements
from inventory.services.ledger import LedgerRow
from inventory.services.level_batch import LevelBatch
from inventory.services.levels import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedChange:
    """A change that happened in another system at `occurred_at`; `source` is the unique name of the report.

    `reported_at` is the same moment by the clock of that system.

    `keeps_count`: a count of a later moment still applies, by one more movement; otherwise that is the caller's work.
    """

    level: Key
    delta: int
    occurred_at: datetime
    reported_at: datetime | None = None
    reason: str
    note: str = ""
    reference: str = ""
    source: str
    request_id: str | None = None
    keeps_count: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A `count` movement of `delta`, for what another system's figure includes or does not include.

    The latest count stays as it is, or with `forgets_count` there is none afterwards; `delta` may be 0 then.
    """

    level: Key
    delta: int
    occurred_at: datetime
    note: str = ""
    source: str
    request_id: str | None = None
    forgets_count: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedCount:
    """The quantity that the owner of the stock reports for `occurred_at`."""

    level: Key
    on_hand: int
    occurred_at: datetime
    note: str = ""
    source: str
    request_id: str | None = None


Report = ReportedChange | ReportedCount | Correction


def apply_external_changes(levels: LevelBatch, reports: Sequence[Report]) -> None:
    """Applies the reports in turn and writes the levels. A count is ignored where the level has a later one."""
    later = _LaterMovements(levels, reports)
    for report in reports:
        before = levels.states[report.level]
        match report:
            case ReportedCount():
                steps = _counted(before, report, later)
            case Correction():
                steps = _corrected(before, report)
            case _:
                steps = _changed(before, report, later)
        for after, row in steps:
            later.add(row)
            levels.store(report.level, after, row)
    levels.write(each_crossing=True, is_reported=True)


class _LaterMovements:
    """Sums of each level's movements after a moment: those of the ledger, and those of this batch."""

    def __init__(self, levels: LevelBatch, reports: Sequence[Report]) -> None:
        self._stored = later_movements(_asked_moments(levels, reports))
        self._added: dict[int, list[tuple[datetime, int]]] = defaultdict(list)

    def add(self, row: LedgerRow | None) -> None:
        """Adds a movement of this batch."""
        if row is not None and row.occurred_at is not None:
            self._added[row.after.id].append((row.occurred_at, row.delta))

    def total(self, level: int, moment: datetime) -> int:
        """The sum after the moment."""
        added = sum(delta for occurred_at, delta in self._added[level] if occurred_at > moment)
        return self._stored.get((level, moment), 0) + added


def _asked_moments(levels: LevelBatch, reports: Sequence[Report]) -> Iterator[LevelMoment]:
    for report in reports:
        state = levels.states[report.level]
        if isinstance(report, ReportedCount):
            yield state.id, report.occurred_at
        elif isinstance(report, Correction) or not report.keeps_count:
            continue
        elif state.counted_at is not None and report.occurred_at <= state.counted_at:
            yield state.id, state.counted_at


Steps = Iterator[tuple[LevelState, LedgerRow | None]]


def _changed(before: LevelState, report: ReportedChange, later: _LaterMovements) -> Steps:
    after = before.changed(on_hand=report.delta)
    yield (
        after,
        LedgerRow(
            before=before,
            after=after,
            reason=report.reason,
            note=report.note,
            reference=report.reference,
            source=report.source,
            occurred_at=report.occurred_at,
            reported_at=report.reported_at,
            request_id=report.request_id,
        ),
    )
    if not report.keeps_count or before.counted_on_hand is None or before.counted_at is None:
        return
    if report.occurred_at > before.counted_at:
        return
    yield apply_absolute_count(
        after,
        on_hand=before.counted_on_hand,
        moment=before.counted_at,
        later=later.total(before.id, before.counted_at),
        note=note_of_kept_count(before.counted_at, report),
        request_id=report.request_id,
    )


def note_of_kept_count(counted_at: datetime, report: ReportedChange) -> str:
    """Says why a count still applies: a report of an earlier moment has arrived after it."""
    connection, what = report.source.partition(":")[0], "figure" if report.reason == Reason.COUNT else report.reason
    return f"Keeps the count of {in_utc(counted_at)} after a late {what} reported by {connection}."


def in_utc(moment: datetime) -> str:
    """A moment in a note, which everybody reads: with its zone."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _corrected(before: LevelState, report: Correction) -> Steps:
    known = before._replace(counted_on_hand=None, counted_at=None) if report.forgets_count else before
    if not report.delta:
        yield known, None
        return
    after = known.changed(on_hand=report.delta)
    yield (
        after,
        LedgerRow(
            before=before,
            after=after,
            reason=Reason.COUNT,
            note=report.note,
            source=report.source,
            occurred_at=report.occurred_at,
            request_id=report.request_id,
        ),
    )


def _counted(before: LevelState, report: ReportedCount, later: _LaterMovements) -> Steps:
    yield apply_absolute_count(
        before,
        on_hand=report.on_hand,
        moment=report.occurred_at,
        later=later.total(before.id, report.occurred_at),
        note=report.note,
        source=report.source,
        request_id=report.request_id,
    )
