"""The latest figure that each connection has reported for each variant at a location."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import connection as database

from inventory.services.levels import Key
from pms_backend.api.arrays import as_array
from pms_integration.models import PMSConnection
from pms_integration.services.valid_reports import Figure, Reported, StockReport

_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_STORED: Final = """
SELECT stock.variant_id, stock.location_id, stock.on_hand, stock.reported_at, stock.version, stock.webhook_id,
    stock.pulled_at, stock.included_until, stock.before_count_at
FROM pms_integration_pmsstock AS stock
WHERE stock.connection_id = %s
    AND (stock.variant_id, stock.location_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
ORDER BY stock.variant_id, stock.location_id
"""
_LOCKED: Final = "FOR NO KEY UPDATE"
# A figure for comparison has no level that could be locked: here too, only a later one replaces it. One that is applied
# replaces one that never was. Python compares text by its code points, as the collation "C" does.
_STORE: Final = """
INSERT INTO pms_integration_pmsstock AS stock
    (connection_id, variant_id, location_id, on_hand, reported_at, version, webhook_id, pulled_at, included_until,
        before_count_at)
SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::bigint[], %s::text[],
        %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
ORDER BY 2, 3
ON CONFLICT (connection_id, variant_id, location_id) DO UPDATE
SET on_hand = excluded.on_hand, reported_at = excluded.reported_at, version = excluded.version,
    webhook_id = excluded.webhook_id, pulled_at = excluded.pulled_at, included_until = excluded.included_until,
    before_count_at = excluded.before_count_at
WHERE stock.included_until IS DISTINCT FROM excluded.included_until
    OR (stock.reported_at, coalesce(stock.version, -1), coalesce(stock.pulled_at, '-infinity'),
        stock.webhook_id COLLATE "C")
    <= (excluded.reported_at, coalesce(excluded.version, -1), coalesce(excluded.pulled_at, '-infinity'),
        excluded.webhook_id COLLATE "C")
"""


@dataclass(frozen=True, slots=True)
class StoredFigure:
    """The latest figure of a connection for a level, and until when the level has what the PMS has told."""

    on_hand: int
    reported_at: datetime
    version: int | None
    webhook_id: str
    pulled_at: datetime | None
    # The moment of the last figure that was applied: this one, or an earlier one if this is for comparison only.
    included_until: datetime | None = None
    # The moment of the latest figure that was not later than the latest count of staff, where the last applied one is.
    before_count_at: datetime | None = None

    @property
    def order(self) -> tuple[datetime, int, datetime, str]:
        """Figures are ordered by their moment, their version, and at last by what brought them.

        An answer of the PMS comes after a webhook, and after an earlier answer.
        """
        version = -1 if self.version is None else self.version
        return self.reported_at, version, self.pulled_at or _NEVER, self.webhook_id

    def is_news_to(self, latest: "StoredFigure | None", *, is_owned: bool) -> bool:
        """Whether it comes after the latest one; an answer that repeats that one for its moment does not.

        To a level that the PMS owns, one that was told before and never applied is none.
        """
        if latest is None:
            return True
        if is_owned and latest.included_until != latest.reported_at:
            return latest.included_until is None or self.reported_at > latest.included_until
        repeats = (self.on_hand, *self.order[:2]) == (latest.on_hand, *latest.order[:2])
        return self.order > latest.order and not (repeats and self.pulled_at)


def figure_of(report: Figure, reported: Reported[StockReport]) -> StoredFigure:
    """The figure of a report, as it is stored."""
    webhook_id = "" if reported.pulled_at else reported.name
    return StoredFigure(report.on_hand, report.occurred_at, report.version, webhook_id, reported.pulled_at)


def stored_figures(pms: PMSConnection, keys: set[Key], *, lock: bool = False) -> dict[Key, StoredFigure]:
    """The latest figures of the connection for these variants at locations, locked in order if that is asked for."""
    pairs = sorted(keys)
    columns = [as_array([variant for variant, _ in pairs]), as_array([location for _, location in pairs])]
    with database.cursor() as cursor:
        cursor.execute(_STORED + _LOCKED if lock else _STORED, [pms.pk, *columns])
        return {(variant, location): StoredFigure(*figure) for variant, location, *figure in cursor.fetchall()}


def store_figures(pms: PMSConnection, figures: Mapping[Key, StoredFigure]) -> None:
    """Stores figures that are later than those that are stored."""
    if not figures:
        return
    rows = [(*key, *astuple(figure)) for key, figure in figures.items()]
    with database.cursor() as cursor:
        cursor.execute(_STORE, [pms.pk, *(as_array(column) for column in zip(*rows, strict=True))])
