"""The one way in which stock is written: levels, their movements and their events, in a single statement.

Every statement here has a head of its own, which ends in a CTE `changed` with a row for each change, and the same tail,
which writes the ledger and the outbox of it. Four statements for one adjustment reach half of what one does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import DatabaseError, connection

from inventory.services.levels import LevelState
from pms_backend.api import context
from pms_backend.api.arrays import as_array
from pms_backend.api.prepared_statements import prepared_cursor
from pms_backend.api.transactions import committing, is_broken_off
from pms_backend.events import services as outbox
from products.cache_generations import of_stock

MOMENT_AS_JSON: Final = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

# Of a row that is named `{0}.`, or not at all.
LEVEL_AS_JSON: Final = f"""
jsonb_build_object(
    'sku', {{0}}sku, 'location', {{0}}location, 'on_hand', {{0}}on_hand, 'reserved', {{0}}reserved,
    'incoming', {{0}}incoming, 'available', {{0}}on_hand - {{0}}reserved, 'version', {{0}}version,
    'reorder_point', {{0}}reorder_point, 'backorder_limit', {{0}}backorder_limit,
    'is_oversold', {{0}}is_oversold, 'updated_at', {MOMENT_AS_JSON.format("{0}updated_at")})
"""

# When a change of ours happened: now, but after the last absolute figure even where another's clock is ahead of ours.
MOMENT_OF_OURS: Final = "greatest({0}.updated_at, {0}.counted_at + interval '1 microsecond')"

# A change of `on_hand` is a movement and an event; any other change of a level is an event alone.
LEDGER_AND_OUTBOX: Final = f"""
, moved AS (
    INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, reference, actor,
        request_id, source, is_deduplicated, occurred_at, created_at)
    SELECT level_id, version, reason, delta, on_hand, note, reference, %(actor)s::text, %(request_id)s::text, source,
        is_deduplicated, occurred_at, updated_at
    FROM changed WHERE delta <> 0 ORDER BY position
    RETURNING id, level_id, level_version, created_at
), told AS (
    SELECT changed.*, kind.type, moved.id AS movement_id, moved.created_at AS moved_at
    FROM changed
    LEFT JOIN moved ON moved.level_id = changed.level_id AND moved.level_version = changed.version
    CROSS JOIN LATERAL (SELECT coalesce(on_hand - reserved <= reorder_point, false)) AS after(is_low)
    CROSS JOIN LATERAL (
        SELECT 'stock.changed', 1
        UNION ALL SELECT 'stock.oversold', 2 WHERE is_oversold AND NOT was_oversold
        UNION ALL SELECT 'stock.low', 3 WHERE is_low AND NOT was_low
        UNION ALL SELECT 'stock.replenished', 4 WHERE was_low AND NOT is_low) AS kind(type, rank)
    ORDER BY position, rank
), announced AS (
    INSERT INTO events_event (type, subject, actor, request_id, occurred_at, data)
    SELECT type, 'level:' || location || '/' || sku, %(actor)s::text, %(request_id)s::text, updated_at,
        jsonb_build_object(
            'level', {LEVEL_AS_JSON.format("")},
            'movement', CASE WHEN movement_id IS NOT NULL THEN jsonb_build_object(
                'id', movement_id, 'sku', sku, 'location', location, 'reason', reason, 'delta', delta,
                'on_hand_after', on_hand, 'note', note, 'reference', reference, 'actor', %(actor)s::text,
                'request_id', %(request_id)s::text, 'occurred_at', {MOMENT_AS_JSON.format("occurred_at")},
                'created_at', {MOMENT_AS_JSON.format("moved_at")}) END)
    FROM told
    RETURNING id, type, data
)
"""


# The last column of each such statement, in its first row: the products whose stock has changed.
PRODUCTS_CHANGED: Final = """
CASE WHEN announced.id = (SELECT min(id) FROM announced)
THEN (SELECT array_agg(DISTINCT product_id) FROM changed) END
"""


@dataclass(frozen=True, slots=True)
class StockChange:
    """What a write came to: the level after it, and the movement (none where `on_hand` stayed), as the API has them.

    A repetition has changed nothing: `movement` is the one that acted, `level` as it is now.
    """

    level: dict[str, Any]
    movement: dict[str, Any] | None
    is_repetition: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One change of a level that is locked: the level as it was right before it, and as it is right after it.

    A change of `on_hand` is a movement, and needs its reason; any other is none.
    """

    before: LevelState
    after: LevelState
    reason: str = ""
    note: str = ""
    reference: str = ""
    source: str = ""
    occurred_at: datetime | None = None
    is_deduplicated: bool = False
    # Whether the level was low, to those who are told when it is; without it, as `before` has it.
    low_before: bool | None = None

    @property
    def delta(self) -> int:
        """What was added to `on_hand`."""
        return self.after.on_hand - self.before.on_hand


# A plan for any number of rows takes them to be few, and would compare each with each.
MAX_PREPARED_ROWS: Final = 20

_LOCKED_LEVELS: Final = (
    f"""
WITH row AS (
    SELECT * FROM unnest(%(level_id)s::bigint[], %(version)s::bigint[], %(on_hand)s::bigint[], %(reserved)s::bigint[],
        %(incoming)s::bigint[], %(delta)s::bigint[], %(is_oversold)s::boolean[], %(was_oversold)s::boolean[],
        %(was_low)s::boolean[], %(reason)s::text[], %(note)s::text[], %(reference)s::text[], %(source)s::text[],
        %(occurred_at)s::timestamptz[], %(is_deduplicated)s::boolean[])
    WITH ORDINALITY AS row(level_id, version, on_hand, reserved, incoming, delta, is_oversold, was_oversold, was_low,
        reason, note, reference, source, occurred_at, is_deduplicated, position)
), state AS (
    SELECT * FROM unnest(%(state_id)s::bigint[], %(state_version)s::bigint[], %(state_on_hand)s::bigint[],
        %(state_reserved)s::bigint[], %(state_incoming)s::bigint[], %(state_is_oversold)s::boolean[],
        %(counted_on_hand)s::bigint[], %(counted_at)s::timestamptz[], %(reorder_point)s::bigint[],
        %(backorder_limit)s::bigint[])
    AS state(id, version, on_hand, reserved, incoming, is_oversold, counted_on_hand, counted_at, reorder_point,
        backorder_limit)
), written AS (
    UPDATE inventory_stocklevel AS level
    SET on_hand = state.on_hand, reserved = state.reserved, incoming = state.incoming, version = state.version,
        is_oversold = state.is_oversold,
        counted_on_hand = state.counted_on_hand, counted_at = state.counted_at,
        reorder_point = state.reorder_point, backorder_limit = state.backorder_limit,
        updated_at = CASE WHEN level.version = state.version THEN level.updated_at ELSE clock_timestamp() END
    FROM state WHERE level.id = state.id
    RETURNING level.*
), changed AS (
    SELECT row.level_id, row.version, row.on_hand, row.reserved, row.incoming, row.delta, row.is_oversold,
        row.was_oversold, row.was_low, row.reason, row.note, row.reference, row.source, row.is_deduplicated,
        row.position,
        coalesce(row.occurred_at, {MOMENT_OF_OURS.format("written")}) AS occurred_at,
        variant.sku, variant.product_id, location.code AS location, written.reorder_point, written.backorder_limit,
        written.updated_at
    FROM row JOIN written ON written.id = row.level_id
    JOIN products_variant AS variant ON variant.id = written.variant_id
    JOIN inventory_location AS location ON location.id = written.location_id
)
"""
    + LEDGER_AND_OUTBOX
)
_WRITE: Final = _LOCKED_LEVELS + " SELECT array_agg(DISTINCT product_id) FROM changed"
_WRITE_AND_TELL: Final = (
    _LOCKED_LEVELS + f" SELECT data, {PRODUCTS_CHANGED} FROM announced WHERE type = 'stock.changed' ORDER BY id"
)


def write_locked_levels(*, states: Sequence[LevelState], rows: Sequence[LedgerRow]) -> None:
    """Writes locked levels as they stand in memory, with the ledger and the outbox of `rows`, in their order.

    `states` names each level once, those whose bookkeeping alone has changed included.
    """
    if states:
        run(_WRITE, _parameters(states, rows), is_prepared=len(rows) <= MAX_PREPARED_ROWS)


def write_locked_level(state: LevelState, rows: Sequence[LedgerRow]) -> list[StockChange]:
    """The same for one level, and what its changes came to."""
    return [change_of(data) for data, _ in run(_WRITE_AND_TELL, _parameters([state], rows))]


def _parameters(states: Sequence[LevelState], rows: Sequence[LedgerRow]) -> dict[str, str]:
    columns: dict[str, list[Any]] = {
        "level_id": [row.after.id for row in rows],
        "version": [row.after.version for row in rows],
        "on_hand": [row.after.on_hand for row in rows],
        "reserved": [row.after.reserved for row in rows],
        "incoming": [row.after.incoming for row in rows],
        "is_oversold": [row.after.is_oversold for row in rows],
        "was_oversold": [row.before.is_oversold for row in rows],
        "was_low": [row.before.is_low if row.low_before is None else row.low_before for row in rows],
        "delta": [row.delta for row in rows],
        "reason": [row.reason for row in rows],
        "note": [row.note for row in rows],
        "reference": [row.reference for row in rows],
        "source": [row.source for row in rows],
        "occurred_at": [row.occurred_at for row in rows],
        "is_deduplicated": [row.is_deduplicated for row in rows],
        "state_id": [state.id for state in states],
        "state_version": [state.version for state in states],
        "state_on_hand": [state.on_hand for state in states],
        "state_reserved": [state.reserved for state in states],
        "state_incoming": [state.incoming for state in states],
        "state_is_oversold": [state.is_oversold for state in states],
        "counted_on_hand": [state.counted_on_hand for state in states],
        "counted_at": [state.counted_at for state in states],
        "reorder_point": [state.reorder_point for state in states],
        "backorder_limit": [state.backorder_limit for state in states],
    }
    return {name: as_array(column) for name, column in columns.items()}


def run_alone(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Runs such a statement as a transaction of its own; no rows where one is open, or where it was broken off.

    A statement is all or nothing by itself, deferred constraints included, and its level, ledger and outbox are in it:
    BEGIN and COMMIT would be two more round trips, of three.
    """
    if connection.in_atomic_block:
        return []
    try:
        with committing():
            rows = _rows_of(statement, parameters, is_prepared=True)
    except DatabaseError as error:
        if not is_broken_off(error):
            raise
        return []
    _send_after_commit(rows)
    return rows


def run(statement: str, parameters: dict[str, Any], *, is_prepared: bool = True) -> list[tuple[Any, ...]]:
    """Runs a statement that ends in `LEDGER_AND_OUTBOX`, and whose last column is `PRODUCTS_CHANGED`.

    When the transaction has committed, it rings for the relay and replaces the generations of what shows that stock.
    What is prepared is planned for few rows.
    """
    outbox.require_transaction()
    rows = _rows_of(statement, parameters, is_prepared=is_prepared)
    _send_after_commit(rows)
    return rows


def _send_after_commit(rows: Sequence[tuple[Any, ...]]) -> None:
    products = {product for row in rows for product in row[-1] or ()}
    outbox.relay_wake_up.send_after_commit(replacing=of_stock(products))


def _rows_of(statement: str, parameters: dict[str, Any], *, is_prepared: bool) -> list[tuple[Any, ...]]:
    now = context.current()
    with prepared_cursor() if is_prepared else connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "actor": now.actor, "request_id": now.request_id})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def change_of(data: str) -> StockChange:
    """The payload of a `stock.changed`."""
    payload = orjson.loads(data)
    return StockChange(payload["level"], payload["movement"])
