"""Applies the stock reports of one connection: all levels are locked once, in order, and written in one statement."""

from collections.abc import Sequence

from inventory import services as inventory
from inventory.exceptions import LocationInactive
from inventory.services import ReportedChange, ReportedCount
from inventory.services.levels import Key
from pms_integration.exceptions import UnknownPMSLocation
from pms_integration.models import PMSConnection
from pms_integration.services.figures import StoredFigure, figure_of, store_figures, stored_figures
from pms_integration.services.outcomes import (
    FOR_COMPARISON,
    PROCESSED,
    STALE,
    SUPERSEDED,
    Outcome,
    deferred,
    outcome_of,
)
from pms_integration.services.stock_names import StockNames
from pms_integration.services.valid_reports import Delta, Figure, Reported, StockReport


def apply_stock_reports(pms: PMSConnection, reported: Sequence[Reported[StockReport]]) -> list[tuple[int, Outcome]]:
    """Applies the reports in turn; returns the id of each message with the outcome of its report."""
    return _StockReports(pms, reported).apply() if reported else []


class _StockReports:
    def __init__(self, pms: PMSConnection, reported: Sequence[Reported[StockReport]]) -> None:
        self._pms = pms
        self._reported = reported
        self._names = StockNames(pms, [one.report for one in reported])

    def apply(self) -> list[tuple[int, Outcome]]:
        outcomes: list[tuple[int, Outcome]] = []
        resolved: list[tuple[Reported[StockReport], Key, bool]] = []
        for one in self._reported:
            found = self._named(one.report)
            if isinstance(found, Outcome):
                outcomes.append((one.message_id, found))
            else:
                resolved.append((one, *found))
        # A figure that is only stored for comparison creates no level: unknown is not 0.
        keys = {key for one, key, owns in resolved if owns or isinstance(one.report, Delta)}
        levels = inventory.LevelBatch(keys, create=keys)
        # Read after the levels are locked, so that a figure stored while we waited is seen.
        figures = stored_figures(self._pms, {key for _, key, _ in resolved}, lock=True)
        changed: dict[Key, StoredFigure] = {}
        facts: list[ReportedChange | ReportedCount] = []
        for one, key, owns in resolved:
            outcome, fact = self._apply(one, key, figures, changed, owns=owns)
            outcomes.append((one.message_id, outcome))
            if fact is not None:
                facts.append(fact)
        inventory.apply_external_changes(levels, facts)
        store_figures(self._pms, changed)
        return outcomes

    def _named(self, report: StockReport) -> Outcome | tuple[Key, bool]:
        """The level that the report names and whether the connection owns it, or why it cannot be applied."""
        variant, location = self._names.variant_of(report), self._names.location_of(report)
        if variant is None:
            return deferred(report.variant)
        if location is None:
            return outcome_of(
                UnknownPMSLocation(f"No location is called {report.location}, by the connection or by us.")
            )
        if not location.is_active:
            return outcome_of(LocationInactive(location.code))
        return (variant, location.id), location.owns_stock

    def _apply(
        self,
        one: Reported[StockReport],
        key: Key,
        figures: dict[Key, StoredFigure],
        changed: dict[Key, StoredFigure],
        *,
        owns: bool,
    ) -> tuple[Outcome, ReportedChange | ReportedCount | None]:
        report, latest = one.report, figures.get(key)
        source = f"{self._pms.slug}:{one.name}:{one.line}"
        if isinstance(report, Delta):
            if owns and latest is not None and report.occurred_at <= latest.reported_at:
                return SUPERSEDED, None
            return PROCESSED, ReportedChange(
                level=key,
                delta=report.delta,
                occurred_at=report.occurred_at,
                reason=report.reason,
                note=report.note,
                reference=report.reference,
                source=source,
                request_id=one.name,
            )
        if not isinstance(report, Figure):
            raise TypeError(report)
        figure = figure_of(report, one)
        if not figure.is_news_to(latest):
            return STALE, None
        figures[key] = changed[key] = figure
        if not owns:
            return FOR_COMPARISON, None
        return PROCESSED, ReportedCount(
            level=key,
            on_hand=report.on_hand,
            occurred_at=report.occurred_at,
            source=source,
            request_id=one.name,
        )
