"""The statements that commit, release, expire and extend reservations."""

from typing import Final

from inventory.services.reservation_statements.parts import (
    HELD,
    HELD_BY_OVERDUE,
    IS_OVERDUE,
    LEVELS,
    LEVELS_IN_STEPS,
    NO_MOVEMENT,
    PRODUCTS,
    announced,
    returned_fields,
    shown_reservation,
)
from pms_backend.api.prepared_statements import on_one_line

_HELD_BY_ONE: Final = {
    "reservations": "inventory_reservation",
    "condition": """reservation.id = %(id)s::bigint AND reservation.status = 'active'
        AND reservation.expires_at > statement_timestamp()
        AND (%(client)s::text IS NULL OR reservation.client = %(client)s::text)""",
    # In this order: the lines as they are under the reservation's lock.
    "locked": "reservation, line",
}
# An array is complete before the first row is updated: after that, PostgreSQL leaves out the lines of `held` that are
# still to be read, because their reservation can't be locked by the statement that has updated it.
_IS_HELD: Final = "{0}.id = ANY (ARRAY(SELECT reservation_id FROM held))"
# Materialized: in a subquery of the join, PostgreSQL may lock and limit more than once.
_OVERDUE_UNLOCKED: Final = f"""
overdue AS MATERIALIZED (
    SELECT id, reference FROM inventory_reservation AS past WHERE {IS_OVERDUE.format("past")}
    ORDER BY id LIMIT %(most)s::bigint FOR NO KEY UPDATE SKIP LOCKED
)
"""
_LOCKED: Final = """
locked AS MATERIALIZED (
    SELECT level.id, level.on_hand, level.reserved, level.version FROM inventory_stocklevel AS level
    WHERE level.id IN (SELECT level_id FROM held WHERE units > 0)
    ORDER BY level.variant_id, level.location_id FOR NO KEY UPDATE
)
"""
# All that is held, or of the lines `line_ids` these units.
_SOLD_UNITS: Final = """
CASE WHEN %(line_ids)s::bigint[] IS NULL THEN line.reserved
ELSE coalesce((%(units)s::bigint[])[array_position(%(line_ids)s::bigint[], line.id)], 0) END
"""


def _transition(
    event: str, *, held: str, levels: str = LEVELS, sells: bool = False, actor: str = "%(actor)s::text"
) -> str:
    """Takes the units of `held` from what is reserved; `sells`: from what is on hand too."""
    status, committed = event.rpartition(".")[2], "committed + units" if sells else "committed"
    shown = shown_reservation(
        "one", "held WHERE reservation_id = one.id", quantity="quantity", committed=committed, order="line_id"
    )
    return f"""
WITH {held}, {_LOCKED}, change AS (
    SELECT level_id, sku, product_id, location, line_id AS position, -units AS reserved,
        {"-units AS on_hand, 'sale' AS reason, reference" if sells else NO_MOVEMENT}
    FROM held WHERE units > 0
), {levels}
emptied AS (
    UPDATE inventory_reservationline AS line
    SET reserved = line.reserved - held.units{", committed = line.committed + held.units" if sells else ""}
    FROM held WHERE line.id = held.line_id AND held.units > 0
), ended AS (
    UPDATE inventory_reservation AS ended SET updated_at = statement_timestamp(), status = CASE
        WHEN EXISTS (SELECT FROM held WHERE held.reservation_id = ended.id AND held.reserved > held.units)
        THEN 'active' ELSE '{status}' END
    WHERE {_IS_HELD.format("ended")}
    RETURNING {returned_fields("ended")}
), {announced(f"'{event}'", "ended", shown, actor=actor)}
"""


_RETURNING: Final = f"SELECT {returned_fields('ended')}, (SELECT shown FROM announced), {PRODUCTS} FROM ended"
COMMIT: Final = on_one_line(
    _transition("reservation.committed", held=HELD.format(units=_SOLD_UNITS, **_HELD_BY_ONE), sells=True) + _RETURNING
)
RELEASE: Final = on_one_line(
    _transition("reservation.released", held=HELD.format(units="line.reserved", **_HELD_BY_ONE)) + _RETURNING
)
# Returns a row for each of at most `most` reservations.
EXPIRE: Final = on_one_line(
    _transition(
        "reservation.expired",
        held=f"{_OVERDUE_UNLOCKED}, {HELD_BY_OVERDUE}",
        levels=LEVELS_IN_STEPS,
        actor="'system'",
    )
    + f"SELECT ended.id, {PRODUCTS} FROM ended"
)
EXTEND: Final = on_one_line(
    f"""
WITH {HELD.format(units="0", **_HELD_BY_ONE)}, extended AS (
    UPDATE inventory_reservation AS extended
    SET expires_at = statement_timestamp() + make_interval(secs => %(seconds)s::bigint),
        updated_at = statement_timestamp()
    WHERE {_IS_HELD.format("extended")}
    RETURNING {returned_fields("extended")}
)
SELECT {returned_fields("extended")},
    {shown_reservation("extended", "held", quantity="quantity", committed="committed", order="line_id")}
FROM extended
"""
)
