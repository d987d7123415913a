"""Applies the stock reports of one connection: all levels are locked once, in order, and written in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import connection as database

from inventory import services as inventory
from inventory.exceptions import LocationInactive
from inventory.services import ReportedChange, ReportedCount
from pms_backend.api.arrays import as_array
from pms_integration.exceptions import UnknownPMSLocation
from pms_integration.models import PMSConnection
from pms_integration.services.outcomes import (
    FOR_COMPARISON,
    PROCESSED,
    STALE,
    SUPERSEDED,
    Outcome,
    deferred,
    outcome_of,
)
from pms_integration.services.valid_reports import Delta, Figure, Reported, StockReport, VariantKey

# The ids of a variant and of a location.
LevelKey = tuple[int, int]

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _KnownLocation:
    """A location that reports name, and whether the connection owns the stock there."""

    id: int
    code: str
    is_active: bool
    owns_stock: bool


@dataclass(frozen=True, slots=True)
class _StoredFigure:
    """The latest figure of a connection for a level."""

    on_hand: int
    reported_at: datetime
    version: int | None
    webhook_id: str
    pulled_at: datetime | None

    @property
    def order(self) -> tuple[datetime, int, datetime, str]:
        """Figures are ordered by their moment, their version, and at last by what brought them.

        An answer of the PMS comes after a webhook, and after an earlier answer.
        """
        version = -1 if self.version is None else self.version
        return self.reported_at, version, self.pulled_at or _NEVER, self.webhook_id

    def repeats(self, other: "_StoredFigure") -> bool:
        """Whether it says the same about the same moment, so that nothing is written."""
        return (self.on_hand, *self.order[:2]) == (other.on_hand, *other.order[:2])


def apply_stock_reports(pms: PMSConnection, reported: Sequence[Reported[StockReport]]) -> list[tuple[int, Outcome]]:
    """Applies the reports in turn; returns the id of each message with the outcome of its report."""
    return _StockReports(pms, reported).apply() if reported else []


class _StockReports:
    def __init__(self, pms: PMSConnection, reported: Sequence[Reported[StockReport]]) -> None:
        self._pms = pms
        self._reported = reported
        self._variants = _variants(pms, [one.report.variant for one in reported])
        self._locations = _locations(pms, {one.report.location for one in reported})

    def apply(self) -> list[tuple[int, Outcome]]:
        outcomes: list[tuple[int, Outcome]] = []
        resolved: list[tuple[Reported[StockReport], LevelKey, bool]] = []
        for one in self._reported:
            refusal = self._refusal(one.report)
            if refusal is not None:
                outcomes.append((one.message_id, refusal))
                continue
            location = self._locations[one.report.location]
            key = (self._variants[one.report.variant], location.id)
            resolved.append((one, key, location.owns_stock))
        # A figure that is only stored for comparison creates no level: unknown is not 0.
        keys = {key for one, key, owns in resolved if owns or isinstance(one.report, Delta)}
        levels = inventory.LevelBatch(keys, create=keys)
        # Read after the levels are locked, so that a figure stored while we waited is seen.
        figures = _stored_figures(self._pms, {key for _, key, _ in resolved})
        changed: dict[LevelKey, _StoredFigure] = {}
        facts: list[ReportedChange | ReportedCount] = []
        for one, key, owns in resolved:
            outcome, fact = self._apply(one, key, figures, changed, owns=owns)
            outcomes.append((one.message_id, outcome))
            if fact is not None:
                facts.append(fact)
        inventory.apply_external_changes(levels, facts)
        _store_figures(self._pms, changed)
        return outcomes

    def _refusal(self, report: StockReport) -> Outcome | None:
        if report.variant not in self._variants:
            return deferred(report.variant)
        location = self._locations.get(report.location)
        if location is None:
            return outcome_of(
                UnknownPMSLocation(f"No location is called {report.location}, by the connection or by us.")
            )
        return None if location.is_active else outcome_of(LocationInactive(location.code))

    def _apply(
        self,
        one: Reported[StockReport],
        key: LevelKey,
        figures: dict[LevelKey, _StoredFigure],
        changed: dict[LevelKey, _StoredFigure],
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
        figure = _StoredFigure(
            report.on_hand, report.occurred_at, report.version, "" if one.pulled_at else one.name, one.pulled_at
        )
        if latest is not None and (figure.order <= latest.order or (one.pulled_at and figure.repeats(latest))):
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


_VARIANTS: Final = """
SELECT sku_key, '', id FROM products_variant WHERE sku_key = ANY (%s::text[])
UNION ALL
SELECT '', asked.id, known.variant_id FROM unnest(%s::text[]) AS asked(id)
CROSS JOIN LATERAL (
    SELECT variant_id FROM pms_integration_pmsvariant
    WHERE connection_id = %s AND (external_id = asked.id OR other_ids @> ARRAY[asked.id]::varchar[])
    ORDER BY external_id <> asked.id, id LIMIT 1
) AS known
"""
# By the id that the connection has for it, else by our code.
_LOCATIONS: Final = """
SELECT asked.name, found.id, found.code, found.is_active, found.owns_stock
FROM unnest(%(names)s::text[]) AS asked(name)
CROSS JOIN LATERAL (
    SELECT location.id, location.code, location.is_active, coalesce(mapped.owns_stock, false) AS owns_stock
    FROM inventory_location AS location
    LEFT JOIN pms_integration_pmslocation AS mapped
        ON mapped.location_id = location.id AND mapped.connection_id = %(connection)s
    WHERE mapped.external_id = asked.name OR location.code = asked.name
    ORDER BY mapped.external_id IS DISTINCT FROM asked.name LIMIT 1
) AS found
"""
_STORED: Final = """
SELECT stock.variant_id, stock.location_id, stock.on_hand, stock.reported_at, stock.version, stock.webhook_id,
    stock.pulled_at
FROM pms_integration_pmsstock AS stock
WHERE stock.connection_id = %s
    AND (stock.variant_id, stock.location_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
ORDER BY stock.variant_id, stock.location_id
FOR NO KEY UPDATE
"""
# A figure for comparison has no level that could be locked: here too, only a later one replaces it. Python compares
# text by its code points, as the collation "C" does.
_STORE: Final = """
INSERT INTO pms_integration_pmsstock AS stock
    (connection_id, variant_id, location_id, on_hand, reported_at, version, webhook_id, pulled_at)
SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::bigint[], %s::text[],
        %s::timestamptz[])
    AS figure(variant_id, location_id, on_hand, reported_at, version, webhook_id, pulled_at)
ORDER BY variant_id, location_id
ON CONFLICT (connection_id, variant_id, location_id) DO UPDATE
SET on_hand = excluded.on_hand, reported_at = excluded.reported_at, version = excluded.version,
    webhook_id = excluded.webhook_id, pulled_at = excluded.pulled_at
WHERE (stock.reported_at, coalesce(stock.version, -1), coalesce(stock.pulled_at, '-infinity'),
        stock.webhook_id COLLATE "C")
    < (excluded.reported_at, coalesce(excluded.version, -1), coalesce(excluded.pulled_at, '-infinity'),
        excluded.webhook_id COLLATE "C")
"""


def _variants(pms: PMSConnection, keys: Sequence[VariantKey]) -> dict[VariantKey, int]:
    sku_keys = sorted({key.sku_key for key in keys if key.sku_key})
    external_ids = sorted({key.external_id for key in keys if key.external_id})
    with database.cursor() as cursor:
        cursor.execute(_VARIANTS, [as_array(sku_keys), as_array(external_ids), pms.pk])
        return {VariantKey(sku, external_id): variant for sku, external_id, variant in cursor.fetchall()}


def _locations(pms: PMSConnection, names: set[str]) -> dict[str, _KnownLocation]:
    with database.cursor() as cursor:
        cursor.execute(_LOCATIONS, {"names": as_array(sorted(names)), "connection": pms.pk})
        return {name: _KnownLocation(*found) for name, *found in cursor.fetchall()}


def _stored_figures(pms: PMSConnection, keys: set[LevelKey]) -> dict[LevelKey, _StoredFigure]:
    pairs = sorted(keys)
    columns = [as_array([variant for variant, _ in pairs]), as_array([location for _, location in pairs])]
    with database.cursor() as cursor:
        cursor.execute(_STORED, [pms.pk, *columns])
        return {(variant, location): _StoredFigure(*figure) for variant, location, *figure in cursor.fetchall()}


def _store_figures(pms: PMSConnection, figures: Mapping[LevelKey, _StoredFigure]) -> None:
    if not figures:
        return
    rows = [
        (
            variant,
            location,
            figure.on_hand,
            figure.reported_at,
            figure.version,
            figure.webhook_id,
            figure.pulled_at,
        )
        for (variant, location), figure in figures.items()
    ]
    with database.cursor() as cursor:
        cursor.execute(_STORE, [pms.pk, *(as_array(column) for column in zip(*rows, strict=True))])
