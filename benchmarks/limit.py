"""The limit: the least Python that runs our SQL, on our tables with their constraints and triggers."""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

import django
import orjson
import psycopg
from psycopg.types.numeric import Int8
from psycopg.types.string import TextLoader

from benchmarks import reading_limit
from benchmarks.workloads import ADJUSTMENTS, AVAILABILITY, BULK_ADJUSTMENTS, BULK_COUNTS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from inventory.availability import AVAILABILITY as AVAILABLE  # noqa: E402 - Django is set up first
from inventory.services.adjustments import ADJUST  # noqa: E402
from inventory.services.ledger import LEDGER_AND_OUTBOX, RETURNED_COLUMNS  # noqa: E402

# One statement for all rows, which COPY wrote to a temporary table; it ends like ours.
_BULK: Final = (
    """
WITH wanted AS (
    SELECT level.id, level.on_hand AS before, row.quantity, row.position, variant.sku, variant.product_id,
        location.code AS location
    FROM bench_row AS row
    JOIN products_variant AS variant ON variant.sku_key = row.sku
    JOIN inventory_location AS location ON location.code = row.location
    JOIN inventory_stocklevel AS level ON level.variant_id = variant.id AND level.location_id = location.id
), changed AS (
    UPDATE inventory_stocklevel AS level
    SET {set}, version = version + 1, updated_at = clock_timestamp()
    FROM wanted WHERE level.id = wanted.id
    RETURNING {returned}, wanted.sku, wanted.product_id, wanted.location,
        false AS was_oversold, false AS was_low, level.on_hand - wanted.before AS delta, '{reason}' AS reason,
        '' AS note, '' AS reference, '' AS source, false AS is_deduplicated, level.updated_at AS occurred_at,
        wanted.position
)
"""
    + LEDGER_AND_OUTBOX.replace("{", "{{").replace("}", "}}")
    + "SELECT count(*) FROM recorded"
)
_BULK_ADJUST: Final = _BULK.format(
    returned=RETURNED_COLUMNS, set="on_hand = level.on_hand + wanted.quantity", reason="correction"
)
_BULK_COUNT: Final = _BULK.format(
    returned=RETURNED_COLUMNS,
    set="on_hand = wanted.quantity, counted_on_hand = wanted.quantity, counted_at = clock_timestamp()",
    reason="count",
)
_NEW_ROWS: Final = (
    "CREATE TEMP TABLE bench_row (sku text, location text, quantity bigint, position bigint) ON COMMIT DROP"
)
_COPY: Final = "COPY bench_row FROM STDIN"
_ORIGIN: Final = {"actor": "client:benchmark", "request_id": "benchmark"}

_of_thread = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application for the requests of the workloads."""
    status = "200 OK"
    if environ["REQUEST_METHOD"] == "GET":
        body = reading_limit.response_body(_connection(), environ["PATH_INFO"])
    else:
        wanted = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        status, body = _HANDLERS[environ["PATH_INFO"]](wanted)
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _adjust(wanted: dict[str, Any]) -> tuple[str, bytes]:
    parameters = {
        "sku_key": wanted["sku"],
        "location": wanted["location"],
        "delta": Int8(wanted["delta"]),
        "reason": wanted["reason"],
        "note": "",
        "reference": "",
        "is_fact": False,
        "expected_version": None,
        "dedupe": False,
    }
    row = _connection().execute(ADJUST, {**parameters, **_ORIGIN}, prepare=True).fetchone()
    return ("409 Conflict", b"{}") if row is None else ("201 Created", row[0].encode())


def _adjust_in_bulk(wanted: dict[str, Any]) -> tuple[str, bytes]:
    return _write(_BULK_ADJUST, [(row["sku"], row["location"], row["delta"]) for row in wanted["adjustments"]])


def _count_in_bulk(wanted: dict[str, Any]) -> tuple[str, bytes]:
    return _write(_BULK_COUNT, [(row["sku"], row["location"], row["on_hand"]) for row in wanted["counts"]])


def _write(statement: str, rows: list[tuple[str, str, int]]) -> tuple[str, bytes]:
    connection = _connection()
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_NEW_ROWS)
        with cursor.copy(_COPY) as copy:
            for position, row in enumerate(rows):
                copy.write_row((*row, position))
        cursor.execute(statement, _ORIGIN)
    results = [{"index": index, "status": "applied", "sku": row[0]} for index, row in enumerate(rows)]
    return "200 OK", orjson.dumps({"results": results})


def _available(wanted: dict[str, Any]) -> tuple[str, bytes]:
    parameters = {"keys": wanted["skus"], "locations": None, "unpublished": True, "published": "active"}
    found: dict[str, dict[str, Any]] = {}
    for key, sku, location, available in _connection().execute(AVAILABLE, parameters):
        result = found.setdefault(key, {"sku": sku, "available": 0, "locations": {}})
        result["available"] += available
        result["locations"][location] = available
    return "200 OK", orjson.dumps({"results": list(found.values())})


_HANDLERS: Final[dict[str, Callable[[dict[str, Any]], tuple[str, bytes]]]] = {
    ADJUSTMENTS: _adjust,
    BULK_ADJUSTMENTS: _adjust_in_bulk,
    BULK_COUNTS: _count_in_bulk,
    AVAILABILITY: _available,
}


def _connection() -> psycopg.Connection[tuple[Any, ...]]:
    """The open connection of this thread."""
    connection: psycopg.Connection[tuple[Any, ...]] | None = getattr(_of_thread, "connection", None)
    if connection is None:
        connection = _of_thread.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        # JSON is sent as it is received.
        connection.adapters.register_loader("jsonb", TextLoader)
    return connection
