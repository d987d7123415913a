"""The limit: the least Python that runs our SQL, on our tables with their constraints and triggers."""

import os
from functools import lru_cache
from typing import Any, Final

import django
import orjson
from psycopg.types.numeric import Int8
from standardwebhooks import Webhook

from benchmarks import reading_limit, reservation_limit
from benchmarks.bare import CONFLICT, CREATED, OK, Answer, BareApplication, BareRequest
from benchmarks.workloads import (
    ADJUSTMENTS,
    AVAILABILITY,
    BULK_ADJUSTMENTS,
    BULK_COUNTS,
    PMS,
    PRODUCTS,
    RESERVATIONS,
    WEBHOOKS,
)  # fmt: skip

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from django.db import connection as django_connection  # noqa: E402 - Django is set up first

from inventory.availability import AVAILABILITY as AVAILABLE  # noqa: E402
from inventory.services.adjustments import ADJUST  # noqa: E402
from inventory.services.ledger import LEDGER_AND_OUTBOX, RETURNED_COLUMNS  # noqa: E402
from pms_integration.models import PMSConnection  # noqa: E402

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
_ACCEPT: Final = """
INSERT INTO pms_integration_pmsevent (connection_id, webhook_id, type, headers, body)
VALUES (%s, %s, %s, '{}', %b)
"""
_SIGNED: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


def _adjust(request: BareRequest) -> Answer:
    wanted = orjson.loads(request.body())
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
    row = request.connection.execute(ADJUST, {**parameters, **_ORIGIN}, prepare=True).fetchone()
    return CONFLICT if row is None else (CREATED, row[0].encode())


def _adjust_in_bulk(request: BareRequest) -> Answer:
    rows = orjson.loads(request.body())["adjustments"]
    return _write(request, _BULK_ADJUST, [(row["sku"], row["location"], row["delta"]) for row in rows])


def _count_in_bulk(request: BareRequest) -> Answer:
    rows = orjson.loads(request.body())["counts"]
    return _write(request, _BULK_COUNT, [(row["sku"], row["location"], row["on_hand"]) for row in rows])


def _write(request: BareRequest, statement: str, rows: list[tuple[str, str, int]]) -> Answer:
    connection = request.connection
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_NEW_ROWS)
        with cursor.copy(_COPY) as copy:
            for position, row in enumerate(rows):
                copy.write_row((*row, position))
        cursor.execute(statement, _ORIGIN)
    results = [{"index": index, "status": "applied", "sku": row[0]} for index, row in enumerate(rows)]
    return OK, orjson.dumps({"results": results})


def _available(request: BareRequest) -> Answer:
    skus = orjson.loads(request.body())["skus"]
    parameters = {"keys": skus, "locations": None, "unpublished": True, "published": "active"}
    found: dict[str, dict[str, Any]] = {}
    for key, sku, location, available in request.connection.execute(AVAILABLE, parameters):
        result = found.setdefault(key, {"sku": sku, "available": 0, "locations": {}})
        result["available"] += available
        result["locations"][location] = available
    return OK, orjson.dumps({"results": list(found.values())})


def _read(request: BareRequest) -> Answer:
    return OK, reading_limit.response_body(request.connection, request.path)


def _reserve(request: BareRequest) -> Answer:
    wanted = orjson.loads(request.body())
    (line,) = wanted["lines"]
    sku, quantity = line["sku"], line["quantity"]
    number = reservation_limit.reserve(request.connection, reference=wanted["reference"], sku=sku, quantity=quantity)
    if number is None:
        return CONFLICT
    return CREATED, _reservation(number, wanted["reference"], "active", sku, quantity)


def _commit(request: BareRequest) -> Answer:
    number = int(request.path.split("/")[-3])
    row = reservation_limit.commit(request.connection, reservation_id=number)
    if row is None:
        return CONFLICT
    reference, sku, quantity = row
    return OK, _reservation(number, reference, "committed", sku, quantity)


def _reservation(number: int, reference: str, status: str, sku: str, quantity: int) -> bytes:
    lines = [{"sku": sku, "quantity": quantity}]
    return orjson.dumps({"id": number, "reference": reference, "status": status, "lines": lines})


def _accept(request: BareRequest) -> Answer:
    connection_id, webhook = _known_in_advance()
    body = request.body()
    headers = {name: request.environ[f"HTTP_{name.upper().replace('-', '_')}"] for name in _SIGNED}
    message = webhook.verify(body, headers)
    row = (connection_id, headers["webhook-id"], message["type"], body)
    request.connection.execute(_ACCEPT, row, prepare=True)
    return "202 Accepted", orjson.dumps({"id": headers["webhook-id"], "status": "received"})


@lru_cache(maxsize=1)
def _known_in_advance() -> tuple[int, Webhook]:
    connection = PMSConnection.objects.get(slug=PMS)
    django_connection.close()
    return connection.pk, Webhook(connection.secret)


application = BareApplication(
    {
        ADJUSTMENTS: _adjust,
        BULK_ADJUSTMENTS: _adjust_in_bulk,
        BULK_COUNTS: _count_in_bulk,
        AVAILABILITY: _available,
        PRODUCTS: _read,
        RESERVATIONS: _reserve,
        # Those with an id.
        **{f"{RESERVATIONS}{digit}": _commit for digit in range(1, 10)},
        WEBHOOKS: _accept,
    }
)
