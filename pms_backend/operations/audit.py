"""The audit: every figure is what its ledger says, and every change of one was announced. One pass over each."""

from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from psycopg import sql

_FIGURES: Final = """
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
), reserved AS (
    SELECT level_id, sum(line.reserved) AS total FROM inventory_reservationline AS line
    WHERE line.reserved > 0 GROUP BY level_id
), held AS (
    SELECT DISTINCT level_id FROM inventory_reservationline AS line
    JOIN inventory_reservation AS reservation ON reservation.id = line.reservation_id
    WHERE line.reserved > 0 AND reservation.status <> 'active'
), incoming AS (
    SELECT target_level_id AS level_id, sum(in_transit) AS total FROM inventory_transferline
    WHERE in_transit > 0 GROUP BY target_level_id
)
SELECT level.id, variant.sku, location.code, level.on_hand, coalesce(ledger.total, 0)::bigint,
    coalesce(ledger.broken, 0), level.version, coalesce(ledger.newest, 0), level.reserved,
    coalesce(reserved.total, 0)::bigint, held.level_id IS NOT NULL, level.incoming,
    coalesce(incoming.total, 0)::bigint, (level.counted_on_hand + coalesce(ledger.since_count, 0))::bigint,
    level.is_oversold
FROM inventory_stocklevel AS level
JOIN products_variant AS variant ON variant.id = level.variant_id
JOIN inventory_location AS location ON location.id = level.location_id
LEFT JOIN ledger ON ledger.level_id = level.id
LEFT JOIN reserved ON reserved.level_id = level.id
LEFT JOIN held ON held.level_id = level.id
LEFT JOIN incoming ON incoming.level_id = level.id
WHERE level.on_hand <> coalesce(ledger.total, 0) OR coalesce(ledger.broken, 0) > 0
    OR level.version < coalesce(ledger.newest, 0) OR level.reserved <> coalesce(reserved.total, 0)
    OR held.level_id IS NOT NULL OR level.incoming <> coalesce(incoming.total, 0)
    OR level.counted_on_hand + coalesce(ledger.since_count, 0) <> level.on_hand
    OR level.is_oversold <> (level.on_hand - level.reserved < -level.backorder_limit)
ORDER BY variant.sku, location.code
"""

# An event belongs to the level of its movement; one without a movement to the level whose subject it has, or had: a SKU
# may have been renamed. Published or not, it counts; what is left of the pruned part of the feed does not.
_ANNOUNCEMENTS: Final = """
WITH feed AS (
    SELECT coalesce(max(pruned_to), 0) AS pruned_to, max(pruned_before) AS pruned_before FROM events_feedhead
), told AS MATERIALIZED (
    SELECT event.subject, (event.data #>> '{level,version}')::bigint AS version, movement.level_id
    FROM events_event AS event
    LEFT JOIN inventory_stockmovement AS movement ON movement.id = (event.data #>> '{movement,id}')::bigint
    WHERE event.type = 'stock.changed'
        AND (event.sequence IS NULL OR event.sequence > (SELECT pruned_to FROM feed))
), named AS (
    SELECT level_id, subject FROM told WHERE level_id IS NOT NULL
    UNION
    SELECT level.id, 'level:' || location.code || '/' || variant.sku
    FROM inventory_stocklevel AS level
    JOIN products_variant AS variant ON variant.id = level.variant_id
    JOIN inventory_location AS location ON location.id = level.location_id
), announced AS (
    SELECT level_id, version FROM told WHERE level_id IS NOT NULL
    UNION
    SELECT named.level_id, told.version FROM told JOIN named USING (subject) WHERE told.level_id IS NULL
), kept AS (
    SELECT level_id, min(version) AS first, max(version) AS last, count(*) AS count FROM announced GROUP BY level_id
)
SELECT level.id, variant.sku, location.code, level.version, kept.first, kept.last, coalesce(kept.count, 0)
FROM inventory_stocklevel AS level
JOIN products_variant AS variant ON variant.id = level.variant_id
JOIN inventory_location AS location ON location.id = level.location_id
LEFT JOIN kept ON kept.level_id = level.id
WHERE CASE WHEN kept.count IS NULL
    THEN level.version > 0 AND coalesce(level.updated_at >= (SELECT pruned_before FROM feed), true)
    ELSE kept.last <> level.version OR kept.last - kept.first + 1 <> kept.count
        OR ((SELECT pruned_to FROM feed) = 0 AND kept.first <> 1)
    END
ORDER BY variant.sku, location.code
"""

# Rules that were made when there may have been rows already: those were not looked at then.
_RULES_OF_NEW_ROWS: Final = """
SELECT relation.relname, rule.conname, pg_get_expr(rule.conbin, rule.conrelid), array_agg(attribute.attname::text)
FROM pg_constraint AS rule
JOIN pg_class AS relation ON relation.oid = rule.conrelid
JOIN pg_attribute AS attribute ON attribute.attrelid = rule.conrelid AND attribute.attnum = ANY (rule.conkey)
WHERE rule.contype = 'c' AND NOT rule.convalidated AND relation.relnamespace = current_schema()::regnamespace
GROUP BY relation.relname, rule.conname, rule.conbin, rule.conrelid
ORDER BY relation.relname, rule.conname
"""


@dataclass(frozen=True, slots=True)
class WrongFigure:
    """A level that its ledger, its reservations or its transfers do not explain."""

    level_id: int
    sku: str
    location: str
    on_hand: int
    ledger_total: int
    broken_links: int
    version: int
    newest_movement: int
    reserved: int
    reservations: int
    is_held_by_closed: bool
    incoming: int
    transfers: int
    counted_and_since: int | None
    is_oversold: bool

    def __str__(self) -> str:
        return (
            f"{self.sku} at {self.location}: on_hand {self.on_hand}, its movements add up to {self.ledger_total}; "
            f"{self.broken_links} broken links; version {self.version}, newest movement {self.newest_movement}; "
            f"reserved {self.reserved}, its reservations add up to {self.reservations}"
            f"{', some of which are closed' if self.is_held_by_closed else ''}; "
            f"incoming {self.incoming}, its transfers add up to {self.transfers}; "
            f"the last count and what came after it: {self.counted_and_since}; "
            f"it is said to be {'' if self.is_oversold else 'not '}oversold"
        )


@dataclass(frozen=True, slots=True)
class MissingEvents:
    """A level of whose changes the feed does not tell all, as far as it goes back."""

    level_id: int
    sku: str
    location: str
    version: int
    first: int | None
    last: int | None
    count: int

    def __str__(self) -> str:
        told = f"{self.count} versions, {self.first} to {self.last}" if self.count else "none of its versions"
        return f"{self.sku} at {self.location}: version {self.version}, its events tell of {told}"


@dataclass(frozen=True, slots=True)
class RowOfBefore:
    """A row that is older than a rule, and breaks it; its values as PostgreSQL writes them."""

    table: str
    row_id: str
    rule: str
    values: str

    def __str__(self) -> str:
        return f"{self.table} {self.row_id} breaks {self.rule}: {self.values}"


def find_wrong_figures() -> list[WrongFigure]:
    """Every level that is off."""
    return [WrongFigure(*row) for row in _rows(_FIGURES)]


def find_missing_events() -> list[MissingEvents]:
    """Every level with changes that were not announced."""
    return [MissingEvents(*row) for row in _rows(_ANNOUNCEMENTS)]


def find_rows_of_before() -> list[RowOfBefore]:
    """Every row that breaks a rule which is younger than itself."""
    found = []
    for table, rule, condition, columns in _rows(_RULES_OF_NEW_ROWS):
        # As text: Python cannot read every moment that PostgreSQL keeps.
        pairs = sql.SQL(", ").join(
            sql.SQL("{} || ' ' || {}::text").format(sql.Literal(column), sql.Identifier(column)) for column in columns
        )
        statement = sql.SQL("SELECT id::text, concat_ws(', ', {}) FROM {} WHERE NOT ({}) ORDER BY id").format(
            pairs, sql.Identifier(table), sql.SQL(condition)
        )
        found += [RowOfBefore(table, row_id, rule, values) for row_id, values in _rows(statement)]
    return found


def find_mismatches() -> list[WrongFigure | MissingEvents | RowOfBefore]:
    """Everything that is off."""
    return [*find_wrong_figures(), *find_missing_events(), *find_rows_of_before()]


def _rows(statement: str | sql.Composed) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        # Tables that were filled a moment ago have no statistics: a plan for a handful of rows would take hours.
        cursor.execute("SET LOCAL enable_nestloop TO off")
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
