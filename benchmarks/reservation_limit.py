"""The limit of reservations: the same rows by bare SQL, in two transactions.

A level, a reservation with its line, a movement and the events, on tables with the constraints that they need.
"""

from typing import Any, Final

import psycopg

TABLES: Final = """
CREATE TABLE bare_stock (sku text PRIMARY KEY, on_hand bigint NOT NULL, reserved bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0, CHECK (on_hand >= reserved));
CREATE TABLE bare_reservation (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, reference text UNIQUE,
    status text NOT NULL DEFAULT 'active', expires_at timestamptz NOT NULL);
CREATE TABLE bare_line (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    reservation_id bigint REFERENCES bare_reservation, sku text REFERENCES bare_stock, quantity bigint NOT NULL);
CREATE INDEX ON bare_line (reservation_id);
CREATE TABLE bare_movement (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, sku text REFERENCES bare_stock,
    version bigint, delta bigint, on_hand_after bigint, UNIQUE (sku, version));
CREATE TABLE bare_event (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, type text, data jsonb);
"""
_HOLD: Final = """
UPDATE bare_stock SET reserved = reserved + %(quantity)s, version = version + 1
WHERE sku = %(sku)s AND on_hand >= reserved + %(quantity)s
"""
_RESERVE: Final = """
INSERT INTO bare_reservation (reference, expires_at) VALUES (%(reference)s, now() + interval '15 minutes') RETURNING id
"""
_LINE: Final = "INSERT INTO bare_line (reservation_id, sku, quantity) VALUES (%(id)s, %(sku)s, %(quantity)s)"
_EVENTS: Final = """
INSERT INTO bare_event (type, data) VALUES ('stock.changed', jsonb_build_object('sku', %(sku)s::text)),
    (%(type)s, jsonb_build_object('reference', %(reference)s::text))
"""
_LOCK: Final = """
SELECT reference, sku, quantity FROM bare_reservation AS reservation JOIN bare_line ON reservation_id = reservation.id
WHERE reservation.id = %(id)s AND status = 'active' FOR NO KEY UPDATE OF reservation
"""
_SELL: Final = """
WITH sold AS (
    UPDATE bare_stock
    SET on_hand = on_hand - %(quantity)s, reserved = reserved - %(quantity)s, version = version + 1
    WHERE sku = %(sku)s RETURNING *
)
INSERT INTO bare_movement (sku, version, delta, on_hand_after) SELECT sku, version, -%(quantity)s, on_hand FROM sold
"""
_COMMITTED: Final = "UPDATE bare_reservation SET status = 'committed' WHERE id = %(id)s"

Connection = psycopg.Connection[tuple[Any, ...]]


def reserve(connection: Connection, *, reference: str, sku: str, quantity: int) -> int | None:
    """The id of the reservation; None where there is not enough."""
    values = {"sku": sku, "quantity": quantity, "reference": reference, "type": "reservation.created"}
    with connection.transaction():
        if not connection.execute(_HOLD, values).rowcount:
            return None
        row = connection.execute(_RESERVE, values).fetchone()
        assert row is not None
        connection.execute(_LINE, {**values, "id": row[0]})
        connection.execute(_EVENTS, values)
    return int(row[0])


def commit(connection: Connection, *, reservation_id: int) -> tuple[str, str, int] | None:
    """The reference, SKU and quantity of a reservation that is sold; None where it is not active."""
    with connection.transaction():
        row = connection.execute(_LOCK, {"id": reservation_id}).fetchone()
        if row is None:
            return None
        reference, sku, quantity = row
        values = {"id": reservation_id, "reference": reference, "sku": sku, "quantity": quantity}
        connection.execute(_SELL, values)
        connection.execute(_COMMITTED, values)
        connection.execute(_EVENTS, {**values, "type": "reservation.committed"})
    return reference, sku, quantity
