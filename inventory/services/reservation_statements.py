"""The SQL of reservations: each service is one statement, which locks, decides, and writes rows, ledger and outbox.

Locks come in their fixed order: the reservation and its lines, then the levels. A locked row is read in its newest
version, however old the statement's snapshot is; so a statement decides by locked rows alone. Starting a plan takes
PostgreSQL as long as running it, so the statements that every order needs have no part that few orders need.
"""

from typing import Final

from inventory.level_fields import SHOWN_COLUMNS
from inventory.services.ledger import LEDGER_AND_OUTBOX, OWN_MOMENT, RETURNED_COLUMNS, moment_as_json
from pms_backend.api.prepared_statements import on_one_line

# The columns of `Reservation` that a statement returns first; after them come the reservation as it is shown, and the
# products whose stock has changed.
RESERVATION_FIELDS: Final = ("id", "client", "reference", "status", "expires_at", "created_at", "updated_at")
_PRODUCTS: Final = "(SELECT array_agg(product_id) FROM changed)"


def _returned(reservation: str) -> str:
    return ", ".join(f"{reservation}.{name}" for name in RESERVATION_FIELDS)


def _shown(reservation: str, lines: str, *, quantity: str, committed: str, order: str) -> str:
    """The SQL of a reservation as `representation.reservation_as_dict` shows it, with `lines` from a FROM clause."""
    # Python shows no fraction where it is zero.
    expires_at = f"replace({moment_as_json(f'{reservation}.expires_at')}, '.000000', '')"
    return f"""jsonb_build_object('id', {reservation}.id, 'reference', {reservation}.reference,
        'status', {reservation}.status, 'expires_at', {expires_at}, 'lines', (
            SELECT jsonb_agg(jsonb_build_object('sku', sku, 'location', location, 'quantity', {quantity},
                'committed', {committed}) ORDER BY {order})
            FROM {lines}))"""


def _announced(kind: str, reservations: str, shown: str, *, actor: str = "%(actor)s::text") -> str:
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
_LEVELS: Final = (
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
_LEVELS_IN_STEPS: Final = (
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
_HELD: Final = """
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
_IS_OVERDUE: Final = "{0}.status = 'active' AND {0}.expires_at <= statement_timestamp()"
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
    SELECT id, reference FROM inventory_reservation AS past WHERE {_IS_OVERDUE.format("past")}
    ORDER BY id LIMIT %(most)s::bigint FOR NO KEY UPDATE SKIP LOCKED
)
"""
_HELD_BY_OVERDUE: Final = _HELD.format(units="line.reserved", reservations="overdue", condition="true", locked="line")
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


# The rest of a change that leaves `on_hand` as it is.
_NO_MOVEMENT: Final = "0::bigint AS on_hand, '' AS reason, '' AS reference"


def _transition(
    event: str, *, held: str, levels: str = _LEVELS, sells: bool = False, actor: str = "%(actor)s::text"
) -> str:
    """Takes the units of `held` from what is reserved; `sells`: from what is on hand too."""
    status, committed = event.rpartition(".")[2], "committed + units" if sells else "committed"
    shown = _shown(
        "one", "held WHERE reservation_id = one.id", quantity="quantity", committed=committed, order="line_id"
    )
    return f"""
WITH {held}, {_LOCKED}, change AS (
    SELECT level_id, sku, product_id, location, line_id AS position, -units AS reserved,
        {"-units AS on_hand, 'sale' AS reason, reference" if sells else _NO_MOVEMENT}
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
    RETURNING {_returned("ended")}
), {_announced(f"'{event}'", "ended", shown, actor=actor)}
"""


_RETURNING: Final = f"SELECT {_returned('ended')}, (SELECT shown FROM announced), {_PRODUCTS} FROM ended"
COMMIT: Final = on_one_line(
    _transition("reservation.committed", held=_HELD.format(units=_SOLD_UNITS, **_HELD_BY_ONE), sells=True) + _RETURNING
)
RELEASE: Final = on_one_line(
    _transition("reservation.released", held=_HELD.format(units="line.reserved", **_HELD_BY_ONE)) + _RETURNING
)
# Returns a row for each of at most `most` reservations.
EXPIRE: Final = on_one_line(
    _transition(
        "reservation.expired",
        held=f"{_OVERDUE_UNLOCKED}, {_HELD_BY_OVERDUE}",
        levels=_LEVELS_IN_STEPS,
        actor="'system'",
    )
    + f"SELECT ended.id, {_PRODUCTS} FROM ended"
)
EXTEND: Final = on_one_line(
    f"""
WITH {_HELD.format(units="0", **_HELD_BY_ONE)}, extended AS (
    UPDATE inventory_reservation AS extended
    SET expires_at = statement_timestamp() + make_interval(secs => %(seconds)s::bigint),
        updated_at = statement_timestamp()
    WHERE {_IS_HELD.format("extended")}
    RETURNING {_returned("extended")}
)
SELECT {_returned("extended")},
    {_shown("extended", "held", quantity="quantity", committed="committed", order="line_id")}
FROM extended
"""
)

# The subquery hides the length of the array from the planner: it would plan each execution anew for that length.
_GIVEN: Final = """
unnest((SELECT %(sku_keys)s::text[]), %(locations)s::text[], %(quantities)s::bigint[])
    WITH ORDINALITY AS given(sku_key, location, quantity, position)
LEFT JOIN products_variant AS variant ON variant.sku_key = given.sku_key
LEFT JOIN products_product AS product ON product.id = variant.product_id
LEFT JOIN inventory_location AS location ON location.code = given.location
"""
_IS_KNOWN: Final = "variant.id IS NOT NULL AND (given.location IS NULL) = (location.id IS NULL)"
_IS_OPEN: Final = """
coalesce(location.is_active, true)
AND (NOT %(published_only)s OR (product.status = 'active' AND NOT variant.is_archived))
"""
_MAKE: Final = f"""
INSERT INTO inventory_reservation (client, reference, status, requested, expires_at)
SELECT %(client)s::text, %(reference)s::text, 'active', {{requested}},
    clock_timestamp() + make_interval(secs => %(seconds)s::bigint)
{{source}}
ON CONFLICT DO NOTHING
RETURNING {", ".join(RESERVATION_FIELDS)}
"""
# The reservations past their end that hold a variant of `asked`: their units are available.
_OVERDUE: Final = f"""
SELECT past.id FROM inventory_reservation AS past WHERE {_IS_OVERDUE.format("past")} AND EXISTS (
    SELECT FROM inventory_reservationline AS line JOIN inventory_stocklevel AS level ON level.id = line.level_id
    WHERE line.reservation_id = past.id AND line.reserved > 0 AND level.variant_id IN (SELECT variant_id FROM asked))
"""
# Serves a line from its levels, in the order of their `rank`: from the first that has all units in `stock`, else from
# the stock of several, then from what may be taken on `backorder`. `units` are 0 where that is not enough.
_ROOM: Final = """
CASE WHEN {may_serve} THEN greatest(0, {available}) ELSE 0 END AS stock,
CASE WHEN {may_serve} THEN greatest(0, backorder_limit + least(0, {available})) ELSE 0 END AS backorder
"""
_TOTALS: Final = """
min(rank) FILTER (WHERE stock >= quantity) OVER whole_line AS first_with_all,
sum(stock) OVER whole_line AS in_stock, sum(backorder) OVER whole_line AS on_backorder,
sum(stock) OVER so_far - stock AS stock_before, sum(backorder) OVER so_far - backorder AS backorder_before
"""
_WINDOWS: Final = "WINDOW whole_line AS (PARTITION BY {line}), so_far AS (PARTITION BY {line} ORDER BY rank)"
_UNITS: Final = """
(CASE WHEN first_with_all IS NOT NULL THEN CASE WHEN rank = first_with_all THEN quantity ELSE 0 END
WHEN in_stock + on_backorder < quantity THEN 0
ELSE greatest(0, least(stock, quantity - stock_before))
    + greatest(0, least(backorder, quantity - in_stock - backorder_before)) END)::bigint
"""
_SHOWN_NEW: Final = _shown("one", "chosen WHERE units > 0", quantity="units", committed="0", order="position")

# For requests that name each SKU once. Returns no row, and has written nothing, where RESERVE_OR_EXPLAIN is needed. A
# line whose level is taken meanwhile by others has no level to insert, which the table refuses.
RESERVE: Final = on_one_line(
    f"""
WITH asked AS MATERIALIZED (
    SELECT given.position, given.quantity, location.id AS location_id, variant.id AS variant_id, variant.sku,
        variant.product_id, {_IS_KNOWN} AND {_IS_OPEN} AND given.quantity <= (
            SELECT sum(greatest(0, level.on_hand - level.reserved + level.backorder_limit))
            FROM inventory_stocklevel AS level
            WHERE level.variant_id = variant.id AND level.location_id = coalesce(location.id, level.location_id)
        ) AS may_be_served
    FROM {_GIVEN}
), made AS ({
        _MAKE.format(
            requested="jsonb_agg(jsonb_build_array(variant_id, location_id, quantity) ORDER BY variant_id)",
            source=f"FROM asked HAVING bool_and(coalesce(may_be_served, false)) AND NOT EXISTS ({_OVERDUE})",
        )
    }), locked AS MATERIALIZED (
    SELECT level.id AS level_id, asked.sku, asked.product_id, asked.quantity, asked.position AS line,
        location.code AS location, location.priority, level.backorder_limit,
        level.on_hand - level.reserved AS available
    FROM asked
    JOIN inventory_stocklevel AS level
        ON level.variant_id = asked.variant_id AND level.location_id = coalesce(asked.location_id, level.location_id)
    JOIN inventory_location AS location ON location.id = level.location_id AND location.is_active
    WHERE EXISTS (SELECT FROM made)
    ORDER BY level.variant_id, level.location_id FOR NO KEY UPDATE OF level
), chosen AS MATERIALIZED (
    SELECT level_id, sku, product_id, location, line, {_UNITS} AS units,
        row_number() OVER (ORDER BY line, stock = 0, rank) AS position
    FROM (
        SELECT room.*, {_TOTALS}
        FROM (
            SELECT locked.*, row_number() OVER (ORDER BY priority, location) AS rank,
                {_ROOM.format(may_serve="true", available="available")}
            FROM locked
        ) AS room
        {_WINDOWS.format(line="line")}
    ) AS served
), inserted AS (
    INSERT INTO inventory_reservationline (reservation_id, level_id, quantity, reserved)
    SELECT made.id, chosen.level_id, chosen.units, chosen.units
    FROM made CROSS JOIN asked LEFT JOIN chosen ON chosen.line = asked.position AND chosen.units > 0
    ORDER BY chosen.position
), change AS (
    SELECT level_id, sku, product_id, location, position, units AS reserved, {_NO_MOVEMENT}
    FROM chosen WHERE units > 0
), {_LEVELS}
{_announced("'reservation.created'", "made", _SHOWN_NEW)}
SELECT {_returned("made")}, (SELECT shown FROM announced), {_PRODUCTS} FROM made
"""
)

# For every request, and in a transaction, which a refusal rolls back. Its one row says whether all names are known, how
# the request is stored, which lines are short of what is available, and what was made. Lines of one SKU are served in
# turn, first those that name their location. Reservations past their end are expired before: first those in `ended`,
# which the service has marked as expired, because a closed one must not hold units when the transaction commits.
RESERVE_OR_EXPLAIN: Final = on_one_line(
    f"""
WITH RECURSIVE asked AS MATERIALIZED (
    SELECT given.position, given.quantity, location.id AS location_id, variant.id AS variant_id, variant.sku,
        variant.product_id, {_IS_KNOWN} AS is_known, {_IS_OPEN} AS is_open,
        row_number() OVER (PARTITION BY variant.id ORDER BY location.id IS NULL, given.position) AS turn,
        min(given.position) OVER (PARTITION BY variant.id) AS first_position
    FROM {_GIVEN}
), request AS MATERIALIZED (
    SELECT (SELECT bool_and(is_known) FROM asked) AS is_known, (SELECT bool_and(is_open) FROM asked) AS is_open,
        jsonb_agg(jsonb_build_array(variant_id, location_id, quantity)
            ORDER BY variant_id, coalesce(location_id, 0)) AS requested
    FROM (SELECT variant_id, location_id, sum(quantity) AS quantity FROM asked GROUP BY 1, 2) AS summed
), made AS ({_MAKE.format(requested="requested", source="FROM request WHERE is_known AND is_open")}
), overdue AS MATERIALIZED (
    SELECT reservation.id, reservation.reference FROM inventory_reservation AS reservation
    WHERE reservation.id IN ({_OVERDUE} UNION ALL SELECT unnest(%(ended)s::bigint[]))
        AND (reservation.id = ANY (%(ended)s::bigint[]) OR {_IS_OVERDUE.format("reservation")})
        AND EXISTS (SELECT FROM made)
    ORDER BY reservation.id <> ALL (%(ended)s::bigint[]), reservation.id LIMIT %(most)s::bigint
    FOR NO KEY UPDATE SKIP LOCKED
), {_HELD_BY_OVERDUE},
locked AS MATERIALIZED (
    SELECT level.* FROM inventory_stocklevel AS level
    WHERE EXISTS (SELECT FROM made) AND level.id IN (
        SELECT one.id FROM asked JOIN inventory_stocklevel AS one
            ON one.variant_id = asked.variant_id AND one.location_id = coalesce(asked.location_id, one.location_id)
        UNION ALL SELECT level_id FROM held WHERE units > 0)
    ORDER BY level.variant_id, level.location_id FOR NO KEY UPDATE
), served AS (
    SELECT 0::bigint AS turn, locked.id AS level_id, locked.variant_id, locked.location_id, location.code AS location,
        row_number() OVER (ORDER BY location.priority, location.code) AS rank, locked.backorder_limit,
        locked.on_hand - locked.reserved + coalesce((SELECT sum(units) FROM held WHERE level_id = locked.id), 0)::bigint
            AS available,
        0::bigint AS in_stock, 0::bigint AS units, 0::bigint AS step
    FROM locked JOIN inventory_location AS location ON location.id = locked.location_id AND location.is_active
    UNION ALL
    SELECT turn, level_id, variant_id, location_id, location, rank, backorder_limit, available - units,
        in_stock::bigint, units, 2 * turn + (stock = 0)::int
    FROM (
        SELECT totals.*, {_UNITS} AS units
        FROM (
            SELECT room.*, {_TOTALS}
            FROM (
                SELECT asked.turn, asked.quantity, before.level_id, before.variant_id, before.location_id,
                    before.location, before.rank, before.backorder_limit, before.available,
                    {
        _ROOM.format(
            may_serve="coalesce(asked.location_id, before.location_id) = before.location_id",
            available="before.available",
        )
    }
                FROM served AS before
                JOIN asked ON asked.variant_id = before.variant_id AND asked.turn = before.turn + 1
            ) AS room
            {_WINDOWS.format(line="variant_id")}
        ) AS totals
    ) AS next
), short AS (
    SELECT asked.position, asked.sku, coalesce(max(served.in_stock), 0) AS available
    FROM asked LEFT JOIN served ON served.variant_id = asked.variant_id AND served.turn = asked.turn
    GROUP BY asked.position, asked.sku, asked.quantity HAVING coalesce(sum(served.units), 0) < asked.quantity
), chosen AS MATERIALIZED (
    SELECT total.level_id, total.location, asked.sku, asked.product_id, total.units,
        row_number() OVER (ORDER BY asked.position, total.step, total.rank) AS position
    FROM (
        SELECT level_id, variant_id, location, rank, sum(units)::bigint AS units,
            min(step) FILTER (WHERE units > 0) AS step
        FROM served GROUP BY level_id, variant_id, location, rank HAVING sum(units) > 0
    ) AS total
    JOIN asked ON asked.variant_id = total.variant_id AND asked.position = asked.first_position
), inserted AS (
    INSERT INTO inventory_reservationline (reservation_id, level_id, quantity, reserved)
    SELECT made.id, chosen.level_id, chosen.units, chosen.units FROM made CROSS JOIN chosen ORDER BY chosen.position
), change AS (
    SELECT level_id, sku, product_id, location, row_number() OVER (ORDER BY line_id) - count(*) OVER () AS position,
        -units AS reserved, {_NO_MOVEMENT}
    FROM held WHERE units > 0
    UNION ALL
    SELECT level_id, sku, product_id, location, position, units, {_NO_MOVEMENT} FROM chosen
), {_LEVELS_IN_STEPS}
emptied AS (
    UPDATE inventory_reservationline AS line SET reserved = 0
    FROM held WHERE line.id = held.line_id AND held.units > 0
), ended AS (
    UPDATE inventory_reservation AS ended SET status = 'expired', updated_at = statement_timestamp()
    WHERE ended.id IN (SELECT id FROM overdue) RETURNING {_returned("ended")}
), announcement AS (
    SELECT one.id, 'reservation.expired' AS type, 'system' AS actor, {
        _shown("one", "held WHERE reservation_id = one.id", quantity="quantity", committed="committed", order="line_id")
    } AS shown
    FROM ended AS one
    UNION ALL
    SELECT one.id, 'reservation.created', %(actor)s::text, {
        _shown("one", "chosen", quantity="units", committed="0", order="position")
    }
    FROM made AS one
), {_announced("type", "announcement", "shown", actor="actor")}
SELECT request.is_known, request.requested, (
        SELECT jsonb_agg(jsonb_build_array(position - 1, sku, available) ORDER BY position) FROM short
    ), {_returned("made")}, (SELECT shown FROM announcement WHERE id = made.id), {_PRODUCTS}
FROM request LEFT JOIN made ON true
"""
)
