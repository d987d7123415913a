"""The audit: one statement over all levels and the whole ledger."""

from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

_MISMATCHES: Final = """
WITH line AS (
    SELECT movement.level_id, level_version, delta, on_hand_after,
        movement.occurred_at > level.counted_at AS is_after_count,
        lag(on_hand_after, 1, 0::bigint) OVER (PARTITION BY level_id ORDER BY level_version) AS on_hand_before
    FROM inventory_stockmovement AS movement JOIN inventory_stocklevel AS level ON level.id = movement.level_id
), ledger AS (
    SELECT level_id, sum(delta) AS total, max(level_version) AS newest,
        count(*) FILTER (WHERE on_hand_after <> on_hand_before + delta) AS broken,
        coalesce(sum(delta) FILTER (WHERE is_after_count), 0) AS since_count
    FROM line GROUP BY level_id
)
SELECT variant.sku, location.code, level.on_hand, coalesce(ledger.total, 0)::bigint, coalesce(ledger.broken, 0),
    level.version, coalesce(ledger.newest, 0), level.reserved,
    (level.counted_on_hand + coalesce(ledger.since_count, 0))::bigint
FROM inventory_stocklevel AS level
JOIN products_variant AS variant ON variant.id = level.variant_id
JOIN inventory_location AS location ON location.id = level.location_id
LEFT JOIN ledger ON ledger.level_id = level.id
WHERE level.on_hand <> coalesce(ledger.total, 0) OR coalesce(ledger.broken, 0) > 0
    OR level.version < coalesce(ledger.newest, 0) OR level.reserved <> 0
    OR level.counted_on_hand + coalesce(ledger.since_count, 0) <> level.on_hand
    OR level.is_oversold <> (level.on_hand - level.reserved < -level.backorder_limit)
ORDER BY variant.sku, location.code
"""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A level that its ledger does not explain."""

    sku: str
    location: str
    on_hand: int
    ledger_total: int
    broken_links: int
    version: int
    newest_movement: int
    reserved: int
    counted_and_since: int | None

    def __str__(self) -> str:
        return (
            f"{self.sku} at {self.location}: on_hand {self.on_hand}, its movements add up to {self.ledger_total}; "
            f"{self.broken_links} broken links; version {self.version}, newest movement {self.newest_movement}; "
            f"reserved {self.reserved}; the last count and what came after it: {self.counted_and_since}"
        )


def find_mismatches() -> list[Mismatch]:
    """Every level that is off."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Tables that were filled a moment ago have no statistics: a plan for a handful of rows would take hours.
        cursor.execute("SET LOCAL enable_nestloop TO off")
        cursor.execute(_MISMATCHES)
        return [Mismatch(*row) for row in cursor.fetchall()]
