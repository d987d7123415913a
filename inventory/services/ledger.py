"""The one way in which stock is written: levels, their movements and their events, in a single statement.

Each statement starts with its own CTEs, the last of them `changed`, with a row for each change. `LEDGER_AND_OUTBOX`
follows, and writes the movements and events of these. Four statements for an adjustment would halve the throughput.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, get_args, get_type_hints

import orjson
from django.db import DatabaseError, connection, transaction

from inventory.events import MovementData
from inventory.level_fields import CHANGED_COLUMNS, SHOWN_COLUMNS, WRITTEN_COLUMNS, LevelData, LevelState
from pms_backend.api import context
from pms_backend.api.arrays import as_array
from pms_backend.api.prepared_statements import prepared_cursor
from pms_backend.api.transactions import Committing, is_retryable
from pms_backend.events import services as outbox
from products.cache_generations import stock_generations


def _as_json(shape: type[Any], prefix: str = "", **expressions: str) -> str:
    """The SQL of a JSON object with the members of `shape`: each the column of its name, or an expression."""
    members = []
    for name, kind in get_type_hints(shape).items():
        expression = expressions.get(name, f"{prefix}{name}")
        members.append(f"'{name}', {moment_as_json(expression) if kind is datetime else expression}")
    return f"jsonb_build_object({', '.join(members)})"


def level_as_json(prefix: str = "") -> str:
    """The SQL of a level as `representation.level_as_dict` shows it, of a row whose columns have this prefix."""
    return _as_json(LevelData, prefix, available=f"{prefix}on_hand - {prefix}reserved")


def moment_as_json(expression: str) -> str:
    """The SQL of a moment in RFC 3339."""
    return f"""to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


# What an UPDATE of `inventory_stocklevel AS level` returns of the level for `LEDGER_AND_OUTBOX`.
RETURNED_COLUMNS: Final = ", ".join(
    ("level.id AS level_id", *(f"level.{name}" for name in (*SHOWN_COLUMNS, "updated_at")))
)

# When a change of ours happened: now, but after the last absolute count even where another system's clock is ahead.
OWN_MOMENT: Final = "greatest({0}.updated_at, {0}.counted_at + interval '1 microsecond')"

# A change of `on_hand` is a movement and an event; any other change of a level is an event alone. Movements are
# inserted by level and version, as their indexes are: it saves an eighth of the time of 10,000.
_LEDGER_AND_OUTBOX: Final = """
, moved AS (
    INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, reference, actor,
        request_id, source, is_deduplicated, occurred_at{more}, created_at)
    SELECT level_id, version, reason, delta, on_hand, note, reference, %(actor)s::text, {request_id}, source,
        is_deduplicated, occurred_at{more}, updated_at
    FROM changed WHERE delta <> 0 ORDER BY 1, 2
    RETURNING id, level_id, level_version, created_at
), event AS (
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
), recorded AS (
    INSERT INTO events_event (type, subject, actor, request_id, occurred_at, data)
    SELECT type, 'level:' || location || '/' || sku, %(actor)s::text, {request_id}, updated_at,
        jsonb_build_object('level', {level}, 'movement', CASE WHEN movement_id IS NOT NULL THEN {movement} END)
    FROM event
    RETURNING id, type, data
)
"""


def ledger_and_outbox(request_id: str = "%(request_id)s::text", more: tuple[str, ...] = ()) -> str:
    """The CTEs that write the movements and events of `changed`, with the SQL of their request id.

    `more` names the columns that only some statements have in `changed`: psycopg caches short statements only.
    """
    movement = _as_json(
        MovementData,
        id="movement_id",
        on_hand_after="on_hand",
        actor="%(actor)s::text",
        request_id=request_id,
        created_at="moved_at",
        reverses="reverses_id" if "reverses_id" in more else "NULL",
        reversed_by="NULL",
    )
    return _LEDGER_AND_OUTBOX.format(
        request_id=request_id,
        more="".join(f", {name}" for name in more),
        level=level_as_json(),
        movement=movement,
    )


LEDGER_AND_OUTBOX: Final = ledger_and_outbox()


# The last column of each such statement, in its first row: the products whose stock has changed.
PRODUCTS_CHANGED: Final = """
CASE WHEN recorded.id = (SELECT min(id) FROM recorded)
THEN (SELECT array_agg(DISTINCT product_id) FROM changed) END
"""


@dataclass(frozen=True, slots=True)
class StockChange:
    """A change as the API shows it: the level after it, and the movement, None where `on_hand` stayed.

    A repetition has changed nothing: `movement` is the one that acted, `level` is the present state.
    """

    level: dict[str, Any]
    movement: dict[str, Any] | None
    is_repetition: bool = False


class LedgerRow(NamedTuple):
    """One change of a locked level: the level right before and right after it.

    A change of `on_hand` is a movement, and needs a reason.
    """

    before: LevelState
    after: LevelState
    reason: str = ""
    note: str = ""
    reference: str = ""
    source: str = ""
    occurred_at: datetime | None = None
    reported_at: datetime | None = None
    is_deduplicated: bool = False
    # That of the request or webhook which reports the change; None for the present one.
    request_id: str | None = None
    # Whether the level counts as low before the change, for `stock.low` and `stock.replenished`; None for `before`.
    low_before: bool | None = None
    # The movement that this one reverses; `write_locked_level` alone writes it.
    reverses_id: int | None = None

    @property
    def delta(self) -> int:
        """The units added to `on_hand`."""
        return self.after.on_hand - self.before.on_hand


# A prepared plan expects few rows, and would compare each with each.
MAX_PREPARED_ROWS: Final = 20

_ARRAYS: Final[dict[Any, str]] = {bool: "boolean[]", int: "bigint[]", str: "text[]", datetime: "timestamptz[]"}
_LEVEL_ARRAYS: Final = {
    name: next(_ARRAYS[kind] for kind in (hint, *get_args(hint)) if kind in _ARRAYS)
    for name, hint in get_type_hints(LevelState).items()
}
_STATE_ARRAYS: Final = {name: _LEVEL_ARRAYS[name] for name in ("id", *WRITTEN_COLUMNS)}
_ROW_ARRAYS: Final = {name: _LEVEL_ARRAYS[name] for name in ("id", *CHANGED_COLUMNS)} | {
    **dict.fromkeys(("was_oversold", "was_low", "is_deduplicated"), "boolean[]"),
    **dict.fromkeys(("reason", "note", "reference", "source"), "text[]"),
    "delta": "bigint[]",
    "occurred_at": "timestamptz[]",
}


def _unnested(table: str, arrays: dict[str, str]) -> str:
    """A FROM item whose columns are parameters, each an array with the values of all rows."""
    parameters = ", ".join(f"%({table}_{name})s::{array}" for name, array in arrays.items())
    return f"unnest({parameters}) WITH ORDINALITY AS {table}({', '.join(arrays)}, position)"


_SHOWN: Final = ", ".join(f"{'row' if name in CHANGED_COLUMNS else 'written'}.{name}" for name in SHOWN_COLUMNS)

_LOCKED_LEVELS: Final = f"""
WITH row AS (
    SELECT * FROM {{rows}}
), written AS (
    UPDATE inventory_stocklevel AS level
    SET {", ".join(f"{name} = state.{name}" for name in WRITTEN_COLUMNS)},
        updated_at = CASE WHEN level.version = state.version THEN level.updated_at ELSE clock_timestamp() END
    FROM {_unnested("state", _STATE_ARRAYS)} WHERE level.id = state.id
    RETURNING level.*
), changed AS (
    SELECT row.id AS level_id, {_SHOWN}, row.delta, row.was_oversold, row.was_low, {{more}}
        row.reason, row.note, row.reference, row.source, row.is_deduplicated, row.position,
        coalesce(row.occurred_at, {OWN_MOMENT.format("written")}) AS occurred_at,
        variant.sku, variant.product_id, location.code AS location, written.updated_at
    FROM row JOIN written ON written.id = row.id
    JOIN products_variant AS variant ON variant.id = written.variant_id
    JOIN inventory_location AS location ON location.id = written.location_id
)
"""
_PRODUCTS: Final = " SELECT array_agg(DISTINCT product_id) FROM changed"
_WRITE: Final = _LOCKED_LEVELS.format(rows=_unnested("row", _ROW_ARRAYS), more="") + LEDGER_AND_OUTBOX + _PRODUCTS
_WRITE_AND_RETURN: Final = (
    _LOCKED_LEVELS.format(rows=_unnested("row", {**_ROW_ARRAYS, "reverses_id": "bigint[]"}), more="row.reverses_id,")
    + ledger_and_outbox(more=("reverses_id",))
    + f" SELECT data, {PRODUCTS_CHANGED} FROM recorded WHERE type = 'stock.changed' ORDER BY id"
)
# Reported by another system: each row has a request id of its own, and may have a moment by that system's clock.
_WRITE_REPORTED: Final = (
    _LOCKED_LEVELS.format(
        rows=_unnested("row", {**_ROW_ARRAYS, "request_id": "text[]", "reported_at": "timestamptz[]"}),
        more="coalesce(row.request_id, %(request_id)s::text) AS request_id, row.reported_at,",
    )
    + ledger_and_outbox("request_id", ("reported_at",))
    + _PRODUCTS
)


def write_locked_levels(*, states: Sequence[LevelState], rows: Sequence[LedgerRow], is_reported: bool = False) -> None:
    """Writes locked levels as they stand in memory, with the movements and events of `rows`, in their order.

    `states` has each level once, also those whose latest count alone has changed. `is_reported`: whether another
    system has reported the rows.
    """
    if not states:
        return
    statement, parameters = _WRITE, _parameters(states, rows)
    if is_reported:
        statement = _WRITE_REPORTED
        parameters["row_request_id"] = as_array([row.request_id for row in rows])
        parameters["row_reported_at"] = as_array([row.reported_at for row in rows])
    run(statement, parameters, is_prepared=len(rows) <= MAX_PREPARED_ROWS)


def write_locked_level(state: LevelState, rows: Sequence[LedgerRow]) -> list[StockChange]:
    """The same for one level, with what its rows reverse; returns its changes."""
    parameters = _parameters([state], rows)
    parameters["row_reverses_id"] = as_array([row.reverses_id for row in rows])
    return [change_of(data) for data, _ in run(_WRITE_AND_RETURN, parameters)]


def _parameters(states: Sequence[LevelState], rows: Sequence[LedgerRow]) -> dict[str, str]:
    columns: dict[str, Sequence[Any]] = {
        "row_was_oversold": [row.before.is_oversold for row in rows],
        "row_was_low": [row.before.is_low if row.low_before is None else row.low_before for row in rows],
        "row_delta": [row.delta for row in rows],
        "row_reason": [row.reason for row in rows],
        "row_note": [row.note for row in rows],
        "row_reference": [row.reference for row in rows],
        "row_source": [row.source for row in rows],
        "row_occurred_at": [row.occurred_at for row in rows],
        "row_is_deduplicated": [row.is_deduplicated for row in rows],
    }
    after, state = _columns_of([row.after for row in rows]), _columns_of(states)
    columns.update({f"row_{name}": after.get(name, ()) for name in ("id", *CHANGED_COLUMNS)})
    columns.update({f"state_{name}": state[name] for name in _STATE_ARRAYS})
    return {name: as_array(column) for name, column in columns.items()}


def _columns_of(levels: Sequence[LevelState]) -> dict[str, tuple[Any, ...]]:
    return dict(zip(LevelState._fields, zip(*levels, strict=True), strict=False))


def run_alone(statement: str, parameters: dict[str, Any], *, is_prepared: bool = True) -> list[tuple[Any, ...]]:
    """Runs such a statement as its own transaction; returns no rows within an open transaction, or after a deadlock.

    A statement is all or nothing by itself, deferred constraints included, and its level, ledger and outbox are in it:
    BEGIN and COMMIT would be two more round trips, of three.
    """
    database = transaction.get_connection()
    if database.in_atomic_block:
        return []
    try:
        with Committing(database):
            rows = _rows_of(statement, parameters, is_prepared=is_prepared)
    except DatabaseError as error:
        if not is_retryable(error):
            raise
        return []
    _send_after_commit(rows)
    return rows


def run(statement: str, parameters: dict[str, Any], *, is_prepared: bool = True) -> list[tuple[Any, ...]]:
    """Runs a statement that ends in `LEDGER_AND_OUTBOX`, and whose last column is `PRODUCTS_CHANGED`.

    After the commit the relay is woken, and the cache generations of these products are replaced. A prepared statement
    is planned for few rows.
    """
    outbox.require_transaction()
    rows = _rows_of(statement, parameters, is_prepared=is_prepared)
    _send_after_commit(rows)
    return rows


def _send_after_commit(rows: Sequence[tuple[Any, ...]]) -> None:
    products = {product for row in rows for product in row[-1] or ()}
    # A refused or repeated request has changed no level, so that the relay has nothing to send.
    if products:
        outbox.relay_wake_up.send_after_commit(replacing=stock_generations(products))


def _rows_of(statement: str, parameters: dict[str, Any], *, is_prepared: bool) -> list[tuple[Any, ...]]:
    now = context.current()
    with prepared_cursor() if is_prepared else connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "actor": now.actor, "request_id": now.request_id})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def change_of(data: str) -> StockChange:
    """The change in the payload of a `stock.changed`."""
    payload = orjson.loads(data)
    return StockChange(payload["level"], payload["movement"])
