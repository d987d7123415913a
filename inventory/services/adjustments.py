"""Relative changes: one statement for one row."""

from typing import Any, Final

from django.utils.translation import gettext as _

from inventory.exceptions import (
    DedupeConflict,
    InsufficientStock,
    InvalidQuantity,
    ReasonContradictsDelta,
    ReferenceMissing,
    VersionConflict,
)
from inventory.models import (
    ADDING_REASONS,
    ADJUSTMENT_REASONS,
    MAX_QUANTITY,
    TAKING_REASONS,
    Reason,
    StockLevel,
)
from inventory.representation import level_as_dict, movement_as_dict
from inventory.services.dedupe import first_movement
from inventory.services.ledger import (
    LEDGER_AND_OUTBOX,
    OWN_MOMENT,
    PRODUCTS_CHANGED,
    RETURNED_COLUMNS,
    StockChange,
    change_of,
    run,
    run_alone,
)
from inventory.services.levels import create_levels, lock_levels, require_location, require_variant
from pms_backend.api.prepared_statements import on_one_line
from pms_backend.api.transactions import retried_atomic
from products.skus import sku_key

# The natural key is looked up in the statement's snapshot, which may be older than the lock of the level. Then the
# versions differ, the statement changes nothing, and the key is looked up again under the lock.
_ACTS_FIRST: Final = """
    level.version = (SELECT version FROM inventory_stocklevel AS seen WHERE seen.id = level.id)
    AND NOT EXISTS (SELECT FROM inventory_stockmovement AS acted
        WHERE acted.level_id = level.id AND acted.reference = %(reference)s::text
            AND acted.reference <> '' AND acted.reason = %(reason)s::text AND acted.reverses_id IS NULL)
"""

ADJUST: Final = on_one_line(
    f"""
WITH changed AS (
    UPDATE inventory_stocklevel AS level
    SET on_hand = level.on_hand + %(delta)s::bigint,
        version = level.version + 1,
        is_oversold = level.on_hand + %(delta)s::bigint - level.reserved < -level.backorder_limit
            AND (%(is_fact)s OR level.is_oversold),
        updated_at = clock_timestamp()
    FROM products_variant AS variant, inventory_location AS location
    WHERE variant.sku_key = %(sku_key)s AND location.code = %(location)s AND location.is_active
        AND level.variant_id = variant.id AND level.location_id = location.id
        AND (%(is_fact)s OR %(delta)s > 0
            OR level.on_hand + %(delta)s - level.reserved >= -level.backorder_limit)
        AND (%(expected_version)s::bigint IS NULL OR level.version = %(expected_version)s::bigint)
        AND (NOT %(dedupe)s OR ({_ACTS_FIRST}))
    RETURNING {RETURNED_COLUMNS}, variant.sku, variant.product_id, location.code AS location,
        level.on_hand - %(delta)s::bigint - level.reserved < -level.backorder_limit AS was_oversold,
        coalesce(level.on_hand - %(delta)s::bigint - level.reserved <= level.reorder_point, false) AS was_low,
        %(delta)s::bigint AS delta, %(reason)s::text AS reason, %(note)s::text AS note,
        %(reference)s::text AS reference, '' AS source, %(dedupe)s AS is_deduplicated,
        {OWN_MOMENT.format("level")} AS occurred_at, 1 AS position
)
"""
    + LEDGER_AND_OUTBOX
    + f"SELECT data, {PRODUCTS_CHANGED} FROM recorded WHERE type = 'stock.changed'"
)


def is_fact(reason: str) -> bool:
    """Whether a decrease by this reason is a fact, which always applies (ADR 6); the others are claims."""
    return reason == Reason.DAMAGE


def adjust_stock(
    *,
    sku: str,
    location: str,
    delta: int,
    reason: str,
    note: str = "",
    reference: str = "",
    expected_version: int | None = None,
    dedupe: bool = False,
) -> StockChange:
    """Adds `delta` units (whole, signed, not 0) to what is on hand.

    A claim (anything downwards but damage) never takes what is available below the backorder limit. With
    `dedupe` the level, `reference` and `reason` act once: a repetition returns the first movement. Raises
    `InsufficientStock`, `VersionConflict`, `DedupeConflict` (it acted by another delta), `UnknownSku`,
    `UnknownLocation`, `LocationInactive`, `InvalidQuantity`, `ReasonContradictsDelta`, `ReferenceMissing`.
    """
    check_adjustment(delta, reason)
    check_dedupe(reference, dedupe=dedupe)
    parameters = {
        "sku_key": sku_key(sku),
        "location": location,
        "delta": delta,
        "reason": reason,
        "note": note,
        "reference": reference,
        "is_fact": is_fact(reason),
        "expected_version": expected_version,
        "dedupe": dedupe,
    }
    if rows := run_alone(ADJUST, parameters):
        return change_of(rows[0][0])
    return _adjust_or_explain(parameters, sku)


@retried_atomic
def _adjust_or_explain(parameters: dict[str, Any], sku: str) -> StockChange:
    """In a transaction, which a refusal, a repetition and a level that is still to be made need."""
    rows = run(ADJUST, parameters)
    names, delta, reason = (sku, parameters["location"]), parameters["delta"], parameters["reason"]
    if not rows and parameters["dedupe"]:
        repetition = _repetition(*names, delta, reason, parameters["reference"])
        if repetition is not None:
            return repetition
    if not rows:
        _explain_or_create(*names, delta, reason, parameters["expected_version"])
        rows = run(ADJUST, parameters)
    if not rows:
        raise VersionConflict(_("%(sku)s at %(location)s has changed meanwhile.") % {"sku": sku, "location": names[1]})
    return change_of(rows[0][0])


def check_adjustment(delta: int, reason: str) -> None:
    """Raises `InvalidQuantity` or `ReasonContradictsDelta` for a delta and a reason that no adjustment can have."""
    if delta == 0 or abs(delta) > MAX_QUANTITY:
        raise InvalidQuantity(
            _("delta is a whole number other than 0, at most %(max)s either way.") % {"max": MAX_QUANTITY}
        )
    if reason not in ADJUSTMENT_REASONS:
        raise InvalidQuantity(
            _("An adjustment's reason is one of %(reasons)s.") % {"reasons": ", ".join(ADJUSTMENT_REASONS)}
        )
    if delta < 0 and reason in ADDING_REASONS:
        raise ReasonContradictsDelta(
            _("A %(reason)s adds units. A sale, damage or a correction takes units away.") % {"reason": reason}
        )
    if delta > 0 and reason in TAKING_REASONS:
        raise ReasonContradictsDelta(
            _("A %(reason)s takes units away. A receipt, return or correction adds units.") % {"reason": reason}
        )


def check_dedupe(reference: str, *, dedupe: bool) -> None:
    """Raises `ReferenceMissing` for `dedupe` without a reference."""
    if dedupe and not reference:
        raise ReferenceMissing


def _repetition(sku: str, location: str, delta: int, reason: str, reference: str) -> StockChange | None:
    """The change that has acted under this natural key, or None; the level stays locked."""
    key = (require_variant(sku).pk, require_location(location).pk)
    state = lock_levels([key]).get(key)
    first = first_movement(level_id=state.id, reference=reference, reason=reason) if state else None
    if first is None:
        return None
    if first.delta != delta:
        raise DedupeConflict(reference, first.delta)
    return StockChange(level_as_dict(first.level), movement_as_dict(first), is_repetition=True)


def _explain_or_create(sku: str, location: str, delta: int, reason: str, expected_version: int | None) -> None:
    """Raises the reason why nothing was changed, or creates the level that was missing."""
    variant, at = require_variant(sku), require_location(location)
    level = StockLevel.objects.filter(variant=variant, location=at).first()
    if expected_version is not None and expected_version != (level.version if level else 0):
        raise VersionConflict(
            _("%(sku)s at %(location)s is at version %(version)s.")
            % {"sku": sku, "location": location, "version": level.version if level else 0}
        )
    available, limit = (level.available, level.backorder_limit) if level else (0, 0)
    if delta < 0 and not is_fact(reason) and available + delta < -limit:
        raise InsufficientStock(variant.sku, at.code, available, -delta)
    if level is None:
        create_levels([(variant.pk, at.pk)])
