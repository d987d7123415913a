"""A level's reorder point and backorder limit."""

from typing import Any

from inventory.services.ledger import LedgerRow, StockChange, write_locked_level
from inventory.services.levels import check_limits, lock_level, require_location, require_variant
from pms_backend.api.transactions import retried_atomic


@retried_atomic
def update_level(*, sku: str, location: str, values: dict[str, Any]) -> StockChange | None:
    """Sets `reorder_point` and `backorder_limit`, those that are named; nothing where they are so already.

    Raises `UnknownSku`, `UnknownLocation`, `LocationInactive`, `LimitInUse`.
    """
    variant, place = require_variant(sku), require_location(location)
    state = lock_level(variant_id=variant.pk, location_id=place.pk)
    if all(getattr(state, name) == value for name, value in values.items()):
        return None
    after = check_limits(state, values)
    return write_locked_level(after, [LedgerRow(before=state, after=after)])[0]
