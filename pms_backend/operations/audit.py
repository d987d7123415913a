"""The audit: compares each level with its ledger and its events, and rows with younger constraints."""

from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from psycopg import sql

_WRONG_LEVELS: Final = """
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

# An event belongs to the level of its movement. One without a movement belongs to the level that has its subject or
# had it until the SKU was renamed. Events that are not published yet count; those that pruning left over do not.
_MISSING_EVENTS: Final = """
WITH feed AS (
    SELECT coalesce(max(pruned_to), 0) AS pruned_to, max(pruned_before) AS pruned_before FROM events_feedhead
), changes AS MATERIALIZED (
    SELECT event.subject, (event.data #>> '{level,version}')::bigint AS version, movement.level_id
    FROM events_event AS event
    LEFT JOIN inventory_stockmovement AS movement ON movement.id = (event.data #>> '{movement,id}')::bigint
    WHERE event.type = 'stock.changed'
        AND (event.sequence IS NULL OR event.sequence > (SELECT pruned_to FROM feed))
), subjects AS (
    SELECT level_id, subject FROM changes WHERE level_id IS NOT NULL
    UNION
    SELECT level.id, 'level:' || location.code || '/' || variant.sku
    FROM inventory_stocklevel AS level
    JOIN products_variant AS variant ON variant.id = level.variant_id
    JOIN inventory_location AS location ON location.id = level.location_id
), announced AS (
    SELECT level_id, version FROM changes WHERE level_id IS NOT NULL
    UNION
    SELECT subjects.level_id, changes.version FROM changes JOIN subjects USING (subject) WHERE changes.level_id IS NULL
), versions AS (
    SELECT level_id, min(version) AS first, max(version) AS last, count(*) AS count FROM announced GROUP BY level_id
)
SELECT level.id, variant.sku, location.code, level.version, versions.first, versions.last, coalesce(versions.count, 0)
FROM inventory_stocklevel AS level
JOIN products_variant AS variant ON variant.id = level.variant_id
JOIN inventory_location AS location ON location.id = level.location_id
LEFT JOIN versions ON versions.level_id = level.id
WHERE CASE WHEN versions.count IS NULL
    THEN level.version > 0 AND coalesce(level.updated_at >= (SELECT pruned_before FROM feed), true)
    ELSE versions.last <> level.version OR versions.last - versions.first + 1 <> versions.count
        OR ((SELECT pruned_to FROM feed) = 0 AND versions.first <> 1)
    END
ORDER BY variant.sku, location.code
"""

# NOT VALID constraints: PostgreSQL has not checked the rows that existed before them.
_UNVALIDATED_CONSTRAINTS: Final = """
SELECT conrelid::regclass::text, conname, pg_get_expr(conbin, conrelid), array_agg(attname::text)
FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
WHERE contype = 'c' AND NOT convalidated AND connamespace = current_schema()::regnamespace
GROUP BY conrelid, conname, conbin
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class WrongLevel:
    """A level that disagrees with its movements, its reservations or its transfers."""

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
            f"the last count and the movements after it: {self.counted_and_since}; "
            f"marked as {'' if self.is_oversold else 'not '}oversold"
        )


@dataclass(frozen=True, slots=True)
class MissingEvents:
    """A level with changes that have no event, although the feed goes back so far."""

    level_id: int
    sku: str
    location: str
    version: int
    first: int | None
    last: int | None
    count: int

    def __str__(self) -> str:
        versions = f"{self.count} versions, {self.first} to {self.last}" if self.count else "no version"
        return f"{self.sku} at {self.location}: version {self.version}, its events have {versions}"


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row that violates a younger constraint; its values as PostgreSQL writes them."""

    table: str
    row_id: str
    constraint: str
    values: str

    def __str__(self) -> str:
        return f"{self.table} {self.row_id} violates {self.constraint}: {self.values}"


def find_wrong_levels() -> list[WrongLevel]:
    """Returns every level that disagrees with its ledger."""
    return [WrongLevel(*row) for row in _rows(_WRONG_LEVELS)]


def find_missing_events() -> list[MissingEvents]:
    """Returns every level with changes that have no event."""
    return [MissingEvents(*row) for row in _rows(_MISSING_EVENTS)]


def find_invalid_rows() -> list[InvalidRow]:
    """Returns every row that violates a younger constraint."""
    found = []
    for table, constraint, condition, columns in _rows(_UNVALIDATED_CONSTRAINTS):
        # As text: Python cannot represent every timestamp of PostgreSQL.
        pairs = sql.SQL(", ").join(
            sql.SQL("{} || ' ' || {}::text").format(sql.Literal(column), sql.Identifier(column)) for column in columns
        )
        statement = sql.SQL("SELECT id::text, concat_ws(', ', {}) FROM {} WHERE NOT ({}) ORDER BY id").format(
            pairs, sql.Identifier(table), sql.SQL(condition)
        )
        found += [InvalidRow(table, row_id, constraint, values) for row_id, values in _rows(statement)]
    return found


def find_mismatches() -> list[WrongLevel | MissingEvents | InvalidRow]:
    """Returns everything that does not agree."""
    return [*find_wrong_levels(), *find_missing_events(), *find_invalid_rows()]


def _rows(statement: str | sql.Composed) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        # Tables that were just filled have no statistics yet: a nested loop, planned for a few rows, would take hours.
        cursor.execute("SET LOCAL enable_nestloop TO off")
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
