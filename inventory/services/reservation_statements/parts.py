"""What the statements of reservations have in common: levels, held lines, the event, and the answer."""

from typing import Final

from inventory.level_fields import SHOWN_COLUMNS
from inventory.services.ledger import LEDGER_AND_OUTBOX, OWN_MOMENT, RETURNED_COLUMNS, moment_as_json

# The columns of `Reservation` that a statement returns first; after them come the reservation as it is shown, and the
# products whose stock has changed.
RESERVATION_FIELDS: Final = ("id", "client", "reference", "status", "expires_at", "created_at", "updated_at")
PRODUCTS: Final = "(SELECT array_agg(product_id) FROM changed)"


def returned_fields(reservation: str) -> str:
    """The SQL of `RESERVATION_FIELDS`, of this table or alias."""
    return ", ".join(f"{reservation}.{name}" for name in RESERVATION_FIELDS)


def shown_reservation(reservation: str, lines: str, *, quantity: str, committed: str, order: str) -> str:
    """The SQL of a reservation as `representation.reservation_as_dict` shows it, with `lines` from a FROM clause."""
    # Python shows no fraction where it is zero.
    expires_at = f"replace({moment_as_json(f'{reservation}.expires_at')}, '.000000', '')"
    return f"""jsonb_build_object('id', {reservation}.id, 'reference', {reservation}.reference,
        'status', {reservation}.status, 'expires_at', {expires_at}, 'lines', (
            SELECT jsonb_agg(jsonb_build_object('sku', sku, 'location', location, 'quantity', {quantity},
                'committed', {committed}) ORDER BY {order})
            FROM {lines}))"""


def announced(kind: str, reservations: str, shown: str, *, actor: str = "%(actor)s::text") -> str:
    """The CTE that records an event of each reservation, after those of its levels, if there are any."""
    return f"""
announced AS (
    INSERT INTO events_event (type, subject, actor, request_id, data)
    SELECT {kind}, 'reservation:' || one.id, {actor}, %(request_id)s::text, jsonb_build_object('reservation', {shown})
    FROM {reservations} AS one WHERE (SELECT count(*) FROM recorded) >= 0 ORDER BY one.id
    RETURNING data -> 'reservation' AS shown
)
"""


# Adds to each level once what `change` says, then ledger and outbox. `locked` has the levels, locked in their order. No
# reservation makes a level oversold: a constraint refuses it where `is_oversold` is not set.
LEVELS: Final = (
    f"""
changed AS (
    UPDATE inventory_stocklevel AS level
    SET on_hand = level.on_hand + change.on_hand, reserved = level.reserved + change.reserved,
        version = level.version + 1, updated_at = clock_timestamp(), is_oversold = level.is_oversold
            AND level.on_hand + change.on_hand - level.reserved - change.reserved < -level.backorder_limit
    FROM change WHERE level.id = change.level_id AND (SELECT count(*) FROM locked) > 0
    RETURNING {RETURNED_COLUMNS}, change.sku, change.product_id, change.location, change.position,
        level.on_hand - change.on_hand - level.reserved + change.reserved < -level.backorder_limit AS was_oversold,
        coalesce(level.on_hand - change.on_hand - level.reserved + change.reserved <= level.reorder_point, false)
            AS was_low,
        change.on_hand AS delta, change.reason, '' AS note, change.reference, '' AS source, false AS is_deduplicated,
        {OWN_MOMENT.format("level")} AS occurred_at
)
"""
    + LEDGER_AND_OUTBOX
    + ", "
)
# The same where `change` has several changes of a level: each is a version, and the level is written once.
LEVELS_IN_STEPS: Final = (
    f"""
step AS MATERIALIZED (
    SELECT change.*,
        (locked.on_hand + sum(change.on_hand) OVER so_far)::bigint AS on_hand_after,
        (locked.reserved + sum(change.reserved) OVER so_far)::bigint AS reserved_after,
        locked.version + row_number() OVER so_far AS version_after,
        row_number() OVER so_far = count(*) OVER (PARTITION BY change.level_id) AS is_last,
        locked.on_hand - locked.reserved AS available_first
    FROM change JOIN locked ON locked.id = change.level_id
    WINDOW so_far AS (PARTITION BY change.level_id ORDER BY change.position)
), written AS (
    UPDATE inventory_stocklevel AS level
    SET on_hand = step.on_hand_after, reserved = step.reserved_after, version = step.version_after,
        is_oversold = level.is_oversold AND step.on_hand_after - step.reserved_after < -level.backorder_limit,
        updated_at = clock_timestamp()
    FROM step WHERE level.id = step.level_id AND step.is_last
    RETURNING level.*
), changed AS (
    SELECT step.level_id, {
        ", ".join(
            {
                "on_hand": "step.on_hand_after AS on_hand",
                "reserved": "step.reserved_after AS reserved",
                "version": "step.version_after AS version",
                "is_oversold": "step.on_hand_after - step.reserved_after < -written.backorder_limit AS is_oversold",
            }.get(name, f"written.{name}")
            for name in SHOWN_COLUMNS
        )
    }, written.updated_at, step.sku, step.product_id, step.location, step.position,
        step.on_hand_after - step.on_hand - step.reserved_after + step.reserved < -written.backorder_limit
            AS was_oversold,
        coalesce(CASE WHEN step.is_last THEN step.available_first ELSE step.on_hand_after - step.reserved_after END
            <= written.reorder_point, false) AS was_low,
        step.on_hand AS delta, step.reason, '' AS note, step.reference, '' AS source, false AS is_deduplicated,
        {OWN_MOMENT.format("written")} AS occurred_at
    FROM step JOIN written ON written.id = step.level_id
)
"""
    + LEDGER_AND_OUTBOX
    + ", "
)

# The lines of `reservation`, and the `units` that are taken from what each holds.
HELD: Final = """
held AS MATERIALIZED (
    SELECT reservation.id AS reservation_id, reservation.reference, line.id AS line_id, line.level_id, line.quantity,
        line.reserved, line.committed, {units} AS units, variant.sku, variant.product_id, location.code AS location
    FROM {reservations} AS reservation
    JOIN inventory_reservationline AS line ON line.reservation_id = reservation.id
    JOIN inventory_stocklevel AS level ON level.id = line.level_id
    JOIN products_variant AS variant ON variant.id = level.variant_id
    JOIN inventory_location AS location ON location.id = level.location_id
    WHERE {condition}
    FOR NO KEY UPDATE OF {locked}
)
"""
IS_OVERDUE: Final = "{0}.status = 'active' AND {0}.expires_at <= statement_timestamp()"
HELD_BY_OVERDUE: Final = HELD.format(units="line.reserved", reservations="overdue", condition="true", locked="line")

# The rest of a change that leaves `on_hand` as it is.
NO_MOVEMENT: Final = "0::bigint AS on_hand, '' AS reason, '' AS reference"
