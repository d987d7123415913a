"""Applies the stock reports of one connection: all levels are locked once, in order, and written in one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from inventory import services as inventory
from inventory.exceptions import LocationInactive
from inventory.models import Reason
from inventory.services import ReportedChange
from inventory.services.external_changes import in_utc
from inventory.services.levels import Key
from pms_integration.exceptions import UnknownPMSLocation
from pms_integration.models import PMSConnection
from pms_integration.services.clocks import by_our_clock, offset_of
from pms_integration.services.figures import StoredFigure, figure_of, store_figures, stored_figures
from pms_integration.services.level_arithmetic import Fact, InboundLevel, levels_of
from pms_integration.services.outcomes import (
    ACKNOWLEDGED,
    FOR_COMPARISON,
    PROCESSED,
    STALE,
    SUPERSEDED,
    Outcome,
    deferred,
    outcome_of,
)
from pms_integration.services.stock_names import StockNames
from pms_integration.services.stock_pushes.acknowledgements import OwnPush, own_pushes, store
from pms_integration.services.valid_reports import Delta, Figure, Reported, StockReport


def apply_stock_reports(pms: PMSConnection, reported: Sequence[Reported[StockReport]]) -> list[tuple[int, Outcome]]:
    """Applies the reports in turn; returns the id of each message with the outcome of its report."""
    return _StockReports(pms, reported).apply() if reported else []


@dataclass(frozen=True, slots=True)
class _Named:
    """A report, the level that it names, whether the connection owns the stock there, and the push that it is of."""

    reported: Reported[StockReport]
    key: Key
    is_owned: bool
    push_key: str = ""

    @property
    def moment(self) -> datetime:
        """The moment of the report, by the PMS's clock."""
        return self.reported.report.occurred_at


class _StockReports:
    def __init__(self, pms: PMSConnection, reported: Sequence[Reported[StockReport]]) -> None:
        self._pms = pms
        self._offset = offset_of(pms)
        self._reported = reported
        self._names = StockNames(pms, [one.report for one in reported])
        keys = {one.report.key for one in reported if isinstance(one.report, Delta) and one.report.key}
        self._pushes = own_pushes(pms, keys)
        self._levels: dict[Key, InboundLevel] = {}
        self._figures: dict[Key, StoredFigure] = {}
        self._changed: set[Key] = set()
        self._outcomes: list[tuple[int, Outcome]] = []

    def apply(self) -> list[tuple[int, Outcome]]:
        named = [found for one in self._reported if (found := self._named(one)) is not None]
        # A figure that is only stored for comparison creates no level: unknown is not 0.
        keys = {one.key for one in named if one.is_owned or isinstance(one.reported.report, Delta)}
        levels = inventory.LevelBatch(keys, create=keys)
        # Read after the levels are locked, so that what was stored while we waited is seen.
        self._figures = stored_figures(self._pms, {one.key for one in named}, lock=True)
        self._pushes = own_pushes(self._pms, self._pushes, lock=True)
        reported = [(one.key, one.moment) for one in named if one.is_owned and isinstance(one.reported.report, Figure)]
        self._levels = levels_of(self._pms, levels.states, self._figures, offset=self._offset, reported=reported)
        facts: list[Fact] = []
        for one in named:
            outcome, following = self._apply(one)
            facts += following
            self._outcomes.append((one.reported.message_id, outcome))
        inventory.apply_external_changes(levels, facts)
        store_figures(self._pms, {key: self._figures[key] for key in sorted(self._changed)})
        store(self._pushes.values())
        return self._outcomes

    def _named(self, one: Reported[StockReport]) -> _Named | None:
        """What the report names; None if it cannot be applied, with the outcome that says why."""
        report = one.report
        push = self._pushes.get(report.key) if isinstance(report, Delta) else None
        if push is not None:
            return _Named(one, push.level, push.is_owned, push.key)
        variant, location = self._names.variant_of(report), self._names.location_of(report)
        if variant is None:
            outcome = deferred(report.variant)
        elif location is None:
            outcome = outcome_of(
                UnknownPMSLocation(f"No location is called {report.location}, by the connection or by us.")
            )
        elif not location.is_active:
            outcome = outcome_of(LocationInactive(location.code))
        else:
            return _Named(one, (variant, location.id), location.owns_stock)
        self._outcomes.append((one.message_id, outcome))
        return None

    def _apply(self, one: _Named) -> tuple[Outcome, Iterable[Fact]]:
        if one.push_key:
            return self._acknowledge(one, self._pushes[one.push_key])
        match one.reported.report:
            case Delta() as report:
                return self._change(one, report)
            case Figure() as report:
                return self._take_figure(one, report)
        raise TypeError(one.reported.report)

    def _acknowledge(self, one: _Named, push: OwnPush) -> tuple[Outcome, Iterable[Fact]]:
        if push.acknowledged_at is not None:
            return SUPERSEDED, ()
        push.acknowledged_at = one.moment
        if not push.is_movement:
            return ACKNOWLEDGED, ()
        origin = self._origin(one, push.delta, Reason.COUNT)
        return ACKNOWLEDGED, list(
            self._levels[one.key].acknowledge(
                push.delta, made_at=push.occurred_at, applied_at=one.moment, origin=origin
            )
        )

    def _change(self, one: _Named, report: Delta) -> tuple[Outcome, Iterable[Fact]]:
        change = self._origin(one, report.delta, report.reason, note=report.note, reference=report.reference)
        facts = list(self._levels[one.key].change(change))
        return (PROCESSED if facts else SUPERSEDED), facts

    def _take_figure(self, one: _Named, report: Figure) -> tuple[Outcome, Iterable[Fact]]:
        figure, known = figure_of(report, one.reported), self._figures.get(one.key)
        note = f"Figure of {self._pms.slug}: {figure.on_hand} at {in_utc(figure.reported_at)}"
        origin = self._origin(one, 0, Reason.COUNT, note=note)
        if not figure.is_news_to(known, is_owned=one.is_owned):
            return STALE, self._take_late_figure(one, figure, origin)
        if not one.is_owned:
            until, before_count = (known.included_until, known.before_count_at) if known else (None, None)
            self._store(one.key, replace(figure, included_until=until, before_count_at=before_count))
            return FOR_COMPARISON, ()
        level = self._levels[one.key]
        facts = list(level.take_figure(figure, origin))
        applied = replace(figure, included_until=level.included_until, before_count_at=level.before_count_at)
        self._store(one.key, applied)
        return PROCESSED, facts

    def _take_late_figure(self, one: _Named, figure: StoredFigure, origin: ReportedChange) -> list[Fact]:
        if not one.is_owned:
            return []
        level = self._levels[one.key]
        facts = list(level.take_late_figure(figure, origin))
        if level.before_count_at != self._figures[one.key].before_count_at:
            self._store(one.key, replace(self._figures[one.key], before_count_at=level.before_count_at))
        return facts

    def _store(self, key: Key, figure: StoredFigure) -> None:
        self._figures[key] = figure
        self._changed.add(key)

    def _origin(self, one: _Named, delta: int, reason: str, *, note: str = "", reference: str = "") -> ReportedChange:
        """The report as a change of its level."""
        return ReportedChange(
            level=one.key,
            delta=delta,
            occurred_at=by_our_clock(one.moment, self._offset),
            reported_at=one.moment,
            reason=reason,
            note=note,
            reference=reference,
            source=f"{self._pms.slug}:{one.reported.name}:{one.reported.line}",
            request_id=one.reported.name,
        )
