"""Relative changes: one statement for one row."""

from typing import Final

from inventory.exceptions import InsufficientStock, InvalidQuantity, VersionConflict
from inventory.models import ADJUSTMENT_REASONS, MAX_QUANTITY, Reason, StockLevel
from inventory.services.ledger import LEDGER_AND_OUTBOX, MOMENT_OF_OURS, PRODUCTS_CHANGED, StockChange, change_of, run
from inventory.services.levels import create_levels, require_location, require_variant
from pms_backend.api.transactions import retried_atomic
from products.skus import sku_key

_ADJUST: Final = (
    f"""
WITH changed AS (
    UPDATE inventory_stocklevel AS level
    SET on_hand = level.on_hand + %(delta)s,
        version = level.version + 1,
        is_oversold = level.on_hand + %(delta)s - level.reserved < -level.backorder_limit
            AND (%(is_fact)s OR level.is_oversold),
        updated_at = clock_timestamp()
    FROM products_variant AS variant, inventory_location AS location
    WHERE variant.sku_key = %(sku_key)s AND location.code = %(location)s AND location.is_active
        AND level.variant_id = variant.id AND level.location_id = location.id
        AND (%(is_fact)s OR %(delta)s > 0 OR level.on_hand + %(delta)s - level.reserved >= -level.backorder_limit)
        AND (%(expected_version)s::bigint IS NULL OR level.version = %(expected_version)s)
    RETURNING level.id AS level_id, variant.sku, variant.product_id, location.code AS location, level.on_hand,
        level.reserved, level.incoming, level.version, level.reorder_point, level.backorder_limit, level.is_oversold,
        level.updated_at,
        level.on_hand - %(delta)s - level.reserved < -level.backorder_limit AS was_oversold,
        %(delta)s::bigint AS delta, %(reason)s AS reason, %(note)s AS note, %(reference)s AS reference,
        '' AS source, {MOMENT_OF_OURS.format("level")} AS occurred_at, 1 AS position
)
"""
    + LEDGER_AND_OUTBOX
    + f"SELECT data, {PRODUCTS_CHANGED} FROM announced WHERE type = 'stock.changed'"
)


def is_fact(reason: str) -> bool:
    """Whether a change by this reason has happened already, and so always applies; the others are claims."""
    return reason == Reason.DAMAGE


@retried_atomic
def adjust_stock(
    *,
    sku: str,
    location: str,
    delta: int,
    reason: str,
    note: str = "",
    reference: str = "",
    expected_version: int | None = None,
) -> StockChange:
    """Adds `delta` units (whole, signed, not 0) to what is on hand.

    A claim (anything downwards but damage) never takes what is available below the backorder limit. Raises
    `InsufficientStock`, `VersionConflict`, `UnknownSku`, `UnknownLocation`, `LocationInactive`, `InvalidQuantity`.
    """
    check_adjustment(delta, reason)
    parameters = {
        "sku_key": sku_key(sku),
        "location": location,
        "delta": delta,
        "reason": reason,
        "note": note,
        "reference": reference,
        "is_fact": is_fact(reason),
        "expected_version": expected_version,
    }
    rows = run(_ADJUST, parameters)
    if not rows:
        _explain_or_create(sku, location, delta, reason, expected_version)
        rows = run(_ADJUST, parameters)
    if not rows:
        raise VersionConflict(f"{sku} at {location} has changed meanwhile.")
    return change_of(rows[0][0])


def check_adjustment(delta: int, reason: str) -> None:
    """Raises `InvalidQuantity` for what no adjustment may say."""
    if delta == 0 or abs(delta) > MAX_QUANTITY:
        raise InvalidQuantity(f"delta is a whole number other than 0, at most {MAX_QUANTITY} either way.")
    if reason not in ADJUSTMENT_REASONS:
        raise InvalidQuantity(f"An adjustment's reason is one of {', '.join(ADJUSTMENT_REASONS)}.")


def _explain_or_create(sku: str, location: str, delta: int, reason: str, expected_version: int | None) -> None:
    """Says why nothing was changed, or makes the level that was missing."""
    variant, place = require_variant(sku), require_location(location)
    level = StockLevel.objects.filter(variant=variant, location=place).first()
    if expected_version is not None and expected_version != (level.version if level else 0):
        raise VersionConflict(f"{sku} at {location} is at version {level.version if level else 0}.")
    available, limit = (level.available, level.backorder_limit) if level else (0, 0)
    if delta < 0 and not is_fact(reason) and available + delta < -limit:
        raise InsufficientStock(variant.sku, place.code, available, -delta)
    if level is None:
        create_levels([(variant.pk, place.pk)])
