"""A level's reorder point and backorder limit."""

from typing import Any

from django.utils.translation import gettext as _

from inventory.exceptions import LimitInUse
from inventory.level_fields import LevelState
from inventory.services.ledger import LedgerRow, StockChange, write_locked_level
from inventory.services.levels import lock_level, require_location, require_variant
from pms_backend.access.services import changes_between, record_audit
from pms_backend.api.transactions import retried_atomic


@retried_atomic
def update_level(*, sku: str, location: str, values: dict[str, Any]) -> StockChange | None:
    """Sets `reorder_point` and `backorder_limit`, those in `values`; returns None where nothing changes.

    Raises `UnknownSku`, `UnknownLocation`, `LocationInactive`, `LimitInUse`.
    """
    variant, at = require_variant(sku), require_location(location)
    state = lock_level(variant_id=variant.pk, location_id=at.pk)
    if all(getattr(state, name) == value for name, value in values.items()):
        return None
    after = _with_limits(state, values)
    change = write_locked_level(after, [LedgerRow(before=state, after=after)])[0]
    record_audit(
        action="level.updated",
        subject=f"level:{state.id}",
        name=f"{variant.sku}, {at.code}",
        changes=changes_between(state._asdict(), values),
    )
    return change


def _with_limits(state: LevelState, values: dict[str, Any]) -> LevelState:
    """The level with these limits. Raises `LimitInUse` if more units are backordered than the new limit allows."""
    after = state._replace(**values, version=state.version + 1)
    if after.is_short and after.backorder_limit < state.backorder_limit:
        raise LimitInUse(_("%(available)s are promised beyond what is there.") % {"available": -state.available})
    return after._replace(is_oversold=after.is_short)
