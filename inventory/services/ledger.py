"""The one way in which stock is written: levels, their movements and their events, in a single statement.

Every statement here has a head of its own, which ends in a CTE `changed` with a row for each change, and the same tail,
which writes the ledger and the outbox of it. Four statements for one adjustment reach half of what one does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import connection

from inventory.services.levels import LevelState
from pms_backend.api import context
from pms_backend.events import services as outbox
from products.generations import of_stock

MOMENT_AS_JSON: Final = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

LEVEL_AS_JSON: Final = f"""
jsonb_build_object(
    'sku', {{0}}.sku, 'location', {{0}}.location, 'on_hand', {{0}}.on_hand, 'reserved', {{0}}.reserved,
    'incoming', {{0}}.incoming, 'available', {{0}}.on_hand - {{0}}.reserved, 'version', {{0}}.version,
    'reorder_point', {{0}}.reorder_point, 'backorder_limit', {{0}}.backorder_limit,
    'is_oversold', {{0}}.is_oversold, 'updated_at', {MOMENT_AS_JSON.format("{0}.updated_at")})
"""

# When a change of ours happened: now, but after the last absolute figure even where another's clock is ahead of ours.
MOMENT_OF_OURS: Final = "greatest({0}.updated_at, {0}.counted_at + interval '1 microsecond')"

# A change of `on_hand` is a movement and an event; any other change of a level is an event alone.
LEDGER_AND_OUTBOX: Final = f"""
, moved AS (
    INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, reference, actor,
        request_id, source, occurred_at, created_at)
    SELECT level_id, version, reason, delta, on_hand, note, reference, %(actor)s, %(request_id)s, source, occurred_at,
        updated_at
    FROM changed WHERE delta <> 0 ORDER BY position
    RETURNING *
), announced AS (
    INSERT INTO events_event (type, subject, actor, request_id, occurred_at, data)
    SELECT kind.type, 'level:' || changed.location || '/' || changed.sku, %(actor)s, %(request_id)s, changed.updated_at,
        jsonb_build_object(
            'level', {LEVEL_AS_JSON.format("changed")},
            'movement', CASE WHEN moved.id IS NOT NULL THEN jsonb_build_object(
                'id', moved.id, 'sku', changed.sku, 'location', changed.location, 'reason', moved.reason,
                'delta', moved.delta, 'on_hand_after', moved.on_hand_after, 'note', moved.note,
                'reference', moved.reference, 'actor', moved.actor, 'request_id', moved.request_id,
                'occurred_at', {MOMENT_AS_JSON.format("moved.occurred_at")},
                'created_at', {MOMENT_AS_JSON.format("moved.created_at")}) END)
    FROM changed
    LEFT JOIN moved ON moved.level_id = changed.level_id AND moved.level_version = changed.version
    JOIN (VALUES ('stock.changed', 1), ('stock.oversold', 2)) AS kind(type, rank)
        ON kind.rank = 1 OR (changed.is_oversold AND NOT changed.was_oversold)
    ORDER BY changed.position, kind.rank
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
    """What a write came to: the level after it, and the movement (none where `on_hand` stayed), as the API has them."""

    level: dict[str, Any]
    movement: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One change of a level that is locked: the level as it is right after it."""

    state: LevelState
    was_oversold: bool
    delta: int = 0
    reason: str = ""
    note: str = ""
    reference: str = ""
    source: str = ""
    occurred_at: datetime | None = None


_WRITE_LOCKED_LEVELS: Final = (
    f"""
WITH row AS (
    SELECT * FROM unnest(%(level_id)s::bigint[], %(version)s::bigint[], %(on_hand)s::bigint[], %(delta)s::bigint[],
        %(is_oversold)s::boolean[], %(was_oversold)s::boolean[], %(reason)s::text[], %(note)s::text[],
        %(reference)s::text[], %(source)s::text[], %(occurred_at)s::timestamptz[])
    WITH ORDINALITY AS row(level_id, version, on_hand, delta, is_oversold, was_oversold, reason, note, reference,
        source, occurred_at, position)
), state AS (
    SELECT * FROM unnest(%(state_id)s::bigint[], %(state_version)s::bigint[], %(state_on_hand)s::bigint[],
        %(state_is_oversold)s::boolean[], %(counted_on_hand)s::bigint[], %(counted_at)s::timestamptz[],
        %(reorder_point)s::bigint[], %(backorder_limit)s::bigint[])
    AS state(id, version, on_hand, is_oversold, counted_on_hand, counted_at, reorder_point, backorder_limit)
), written AS (
    UPDATE inventory_stocklevel AS level
    SET on_hand = state.on_hand, version = state.version, is_oversold = state.is_oversold,
        counted_on_hand = state.counted_on_hand, counted_at = state.counted_at,
        reorder_point = state.reorder_point, backorder_limit = state.backorder_limit,
        updated_at = CASE WHEN level.version = state.version THEN level.updated_at ELSE clock_timestamp() END
    FROM state WHERE level.id = state.id
    RETURNING level.*
), changed AS (
    SELECT row.level_id, row.version, row.on_hand, row.delta, row.is_oversold, row.was_oversold, row.reason, row.note,
        row.reference, row.source, row.position,
        coalesce(row.occurred_at, {MOMENT_OF_OURS.format("written")}) AS occurred_at,
        variant.sku, variant.product_id, location.code AS location, written.reserved, written.incoming,
        written.reorder_point, written.backorder_limit, written.updated_at
    FROM row JOIN written ON written.id = row.level_id
    JOIN products_variant AS variant ON variant.id = written.variant_id
    JOIN inventory_location AS location ON location.id = written.location_id
)
"""
    + LEDGER_AND_OUTBOX
    + f"SELECT data, {PRODUCTS_CHANGED} FROM announced WHERE type = 'stock.changed' ORDER BY id"
)


def write_locked_levels(*, states: Sequence[LevelState], rows: Sequence[LedgerRow]) -> list[StockChange]:
    """Writes locked levels as they stand in memory, with the ledger and the outbox of `rows`, in their order.

    `states` names each level once, those whose bookkeeping alone has changed included.
    """
    if not states:
        return []
    parameters = {
        "level_id": [row.state.id for row in rows],
        "version": [row.state.version for row in rows],
        "on_hand": [row.state.on_hand for row in rows],
        "is_oversold": [row.state.is_oversold for row in rows],
        "was_oversold": [row.was_oversold for row in rows],
        "delta": [row.delta for row in rows],
        "reason": [row.reason for row in rows],
        "note": [row.note for row in rows],
        "reference": [row.reference for row in rows],
        "source": [row.source for row in rows],
        "occurred_at": [row.occurred_at for row in rows],
        "state_id": [state.id for state in states],
        "state_version": [state.version for state in states],
        "state_on_hand": [state.on_hand for state in states],
        "state_is_oversold": [state.is_oversold for state in states],
        "counted_on_hand": [state.counted_on_hand for state in states],
        "counted_at": [state.counted_at for state in states],
        "reorder_point": [state.reorder_point for state in states],
        "backorder_limit": [state.backorder_limit for state in states],
    }
    return [change_of(data) for data, _ in run(_WRITE_LOCKED_LEVELS, parameters)]


def run(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Runs a statement that ends in `LEDGER_AND_OUTBOX`, and whose last column is `PRODUCTS_CHANGED`.

    When the transaction has committed, it rings for the relay and replaces the generations of what shows that stock.
    """
    outbox.require_transaction()
    now = context.current()
    with connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "actor": now.actor, "request_id": now.request_id})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    products = {product for row in rows for product in row[-1] or ()}
    outbox.relay_bell.ring_after_commit(replacing=of_stock(products))
    return rows


def change_of(data: str) -> StockChange:
    """The payload of a `stock.changed`."""
    payload = orjson.loads(data)
    return StockChange(payload["level"], payload["movement"])
