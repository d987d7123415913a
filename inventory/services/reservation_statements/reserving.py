"""The statements that make a reservation."""

from typing import Final

from inventory.services.reservation_statements.parts import (
    HELD_BY_OVERDUE,
    IS_OVERDUE,
    LEVELS,
    LEVELS_IN_STEPS,
    NO_MOVEMENT,
    PRODUCTS,
    RESERVATION_FIELDS,
    announced,
    returned_fields,
    shown_reservation,
)
from pms_backend.api.prepared_statements import on_one_line

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
SELECT past.id FROM inventory_reservation AS past WHERE {IS_OVERDUE.format("past")} AND EXISTS (
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
_SHOWN_NEW: Final = shown_reservation(
    "one", "chosen WHERE units > 0", quantity="units", committed="0", order="position"
)

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
    SELECT level_id, sku, product_id, location, position, units AS reserved, {NO_MOVEMENT}
    FROM chosen WHERE units > 0
), {LEVELS}
{announced("'reservation.created'", "made", _SHOWN_NEW)}
SELECT {returned_fields("made")}, (SELECT shown FROM announced), {PRODUCTS} FROM made
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
        AND (reservation.id = ANY (%(ended)s::bigint[]) OR {IS_OVERDUE.format("reservation")})
        AND EXISTS (SELECT FROM made)
    ORDER BY reservation.id <> ALL (%(ended)s::bigint[]), reservation.id LIMIT %(most)s::bigint
    FOR NO KEY UPDATE SKIP LOCKED
), {HELD_BY_OVERDUE},
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
        -units AS reserved, {NO_MOVEMENT}
    FROM held WHERE units > 0
    UNION ALL
    SELECT level_id, sku, product_id, location, position, units, {NO_MOVEMENT} FROM chosen
), {LEVELS_IN_STEPS}
emptied AS (
    UPDATE inventory_reservationline AS line SET reserved = 0
    FROM held WHERE line.id = held.line_id AND held.units > 0
), ended AS (
    UPDATE inventory_reservation AS ended SET status = 'expired', updated_at = statement_timestamp()
    WHERE ended.id IN (SELECT id FROM overdue) RETURNING {returned_fields("ended")}
), announcement AS (
    SELECT one.id, 'reservation.expired' AS type, 'system' AS actor, {
        shown_reservation(
            "one", "held WHERE reservation_id = one.id", quantity="quantity", committed="committed", order="line_id"
        )
    } AS shown
    FROM ended AS one
    UNION ALL
    SELECT one.id, 'reservation.created', %(actor)s::text, {
        shown_reservation("one", "chosen", quantity="units", committed="0", order="position")
    }
    FROM made AS one
), {announced("type", "announcement", "shown", actor="actor")}
SELECT request.is_known, request.requested, (
        SELECT jsonb_agg(jsonb_build_array(position - 1, sku, available) ORDER BY position) FROM short
    ), {returned_fields("made")}, (SELECT shown FROM announcement WHERE id = made.id), {PRODUCTS}
FROM request LEFT JOIN made ON true
"""
)
