"""Counts of staff, made at the moment of the request."""

from typing import Any, Final

import orjson
from django.utils.translation import gettext as _

from inventory.exceptions import InvalidQuantity, VersionConflict
from inventory.models import MAX_QUANTITY
from inventory.services.ledger import (
    LEDGER_AND_OUTBOX,
    PRODUCTS_CHANGED,
    RETURNED_COLUMNS,
    StockChange,
    level_as_json,
    run,
    run_alone,
)
from inventory.services.levels import create_levels, require_location, require_variant
from pms_backend.api.transactions import retried_atomic
from products.skus import sku_key

# The first CTE locks the newest version of the row; everything else is read in the statement's snapshot, which may be
# older than the lock. `is_fresh` says whether both have the same version. If not, nothing is written and the statement
# runs once more, under the lock that it then has.
_COUNT: Final = (
    f"""
WITH locked AS MATERIALIZED (
    SELECT level.*, variant.sku, variant.product_id, location.code
    FROM inventory_stocklevel AS level
    JOIN products_variant AS variant ON variant.id = level.variant_id
    JOIN inventory_location AS location ON location.id = level.location_id
    WHERE variant.sku_key = %(sku_key)s::text AND location.code = %(location)s::text AND location.is_active
    FOR NO KEY UPDATE OF level
), counted AS MATERIALIZED (
    SELECT locked.*, clock_timestamp() AS moment,
        locked.version = (SELECT seen.version FROM inventory_stocklevel AS seen WHERE seen.id = locked.id) AS is_fresh
    FROM locked
), target AS MATERIALIZED (
    SELECT counted.*, coalesce(counted.counted_at >= counted.moment, false) AS is_superseded,
        CASE WHEN counted.counted_at >= counted.moment THEN counted.on_hand
        ELSE %(on_hand)s::bigint + (SELECT coalesce(sum(movement.delta), 0) FROM inventory_stockmovement AS movement
            WHERE movement.level_id = counted.id AND movement.occurred_at > counted.moment) END AS new_on_hand
    FROM counted
    WHERE counted.is_fresh AND (%(expected_on_hand)s::bigint IS NULL OR counted.on_hand = %(expected_on_hand)s::bigint)
), written AS (
    UPDATE inventory_stocklevel AS level
    SET on_hand = target.new_on_hand,
        version = target.version + (target.new_on_hand <> target.on_hand)::int,
        is_oversold = target.new_on_hand - target.reserved < -target.backorder_limit,
        counted_on_hand = CASE WHEN target.is_superseded THEN target.counted_on_hand ELSE %(on_hand)s::bigint END,
        counted_at = CASE WHEN target.is_superseded THEN target.counted_at ELSE target.moment END,
        updated_at = CASE WHEN target.new_on_hand <> target.on_hand THEN target.moment ELSE target.updated_at END
    FROM target WHERE level.id = target.id
    RETURNING {RETURNED_COLUMNS}, target.sku, target.product_id, target.code AS location,
        target.is_oversold AS was_oversold,
        coalesce(target.on_hand - target.reserved <= target.reorder_point, false) AS was_low,
        level.on_hand - target.on_hand AS delta, 'count' AS reason,
        %(note)s::text AS note, '' AS reference, '' AS source, false AS is_deduplicated, target.moment AS occurred_at,
        1 AS position
), changed AS (
    SELECT * FROM written WHERE delta <> 0
)
"""
    + LEDGER_AND_OUTBOX
    + f"""
SELECT counted.is_fresh, counted.on_hand, {level_as_json("written.")}, recorded.data -> 'movement',
    {PRODUCTS_CHANGED}
FROM counted
LEFT JOIN written ON true
LEFT JOIN recorded ON recorded.type = 'stock.changed'
"""
)


def count_stock(
    *, sku: str, location: str, on_hand: int, expected_on_hand: int | None = None, note: str = ""
) -> StockChange:
    """Sets `on_hand` to the units that were counted just now; a count of the same number makes no movement.

    With `expected_on_hand` only if the level has that number. Raises `VersionConflict`, `UnknownSku`,
    `UnknownLocation`, `LocationInactive`, `InvalidQuantity`.
    """
    check_count(on_hand)
    parameters = {
        "sku_key": sku_key(sku),
        "location": location,
        "on_hand": on_hand,
        "expected_on_hand": expected_on_hand,
        "note": note,
    }
    rows = run_alone(_COUNT, parameters)
    if not rows or not rows[0][0]:
        rows = _count_under_lock(parameters, sku)
    known, level, movement = rows[0][1:4]
    if expected_on_hand is not None and known != expected_on_hand:
        raise VersionConflict(
            _("%(known)s of %(sku)s were known at %(location)s, not %(expected_on_hand)s.")
            % {"known": known, "sku": sku, "location": location, "expected_on_hand": expected_on_hand}
        )
    return StockChange(orjson.loads(level), orjson.loads(movement) if movement else None)


@retried_atomic
def _count_under_lock(parameters: dict[str, Any], sku: str) -> list[tuple[Any, ...]]:
    """Counts in a transaction: for a level that has to be created, or whose lock had to be waited for."""
    rows = run(_COUNT, parameters)
    if not rows:
        create_levels([(require_variant(sku).pk, require_location(parameters["location"]).pk)])
        rows = run(_COUNT, parameters)
    return rows if rows[0][0] else run(_COUNT, parameters)


def check_count(on_hand: int) -> None:
    """Raises `InvalidQuantity` for a number that cannot be counted."""
    if not 0 <= on_hand <= MAX_QUANTITY:
        raise InvalidQuantity(_("on_hand is a whole number from 0 to %(max)s.") % {"max": MAX_QUANTITY})
