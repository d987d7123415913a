"""Reversing a movement: one more movement takes back what it has done."""

from typing import Any

from inventory.exceptions import AlreadyReversed, InsufficientStock, LocationInactive, NotReversible
from inventory.level_fields import LevelState
from inventory.models import Reason, StockLevel, StockMovement
from inventory.services.ledger import LedgerRow, StockChange, write_locked_level
from inventory.services.levels import lock_level
from pms_backend.api.transactions import retried_atomic

OF_TRANSFERS = (Reason.TRANSFER_OUT, Reason.TRANSFER_IN)


@retried_atomic
def reverse_movement(*, movement_id: int, note: str = "") -> StockChange:
    """Adds the opposite of a movement of ours, as a correction that happens now; it acts once.

    It is a claim where it takes units away. A reversed count is no count any more: what a PMS reports late of an
    earlier moment changes the level again. Raises `AlreadyReversed`, `NotReversible`, `InsufficientStock`,
    `LocationInactive`, `StockLevel.DoesNotExist`.
    """
    level = StockLevel.objects.get(movements=movement_id)
    state = lock_level(variant_id=level.variant_id, location_id=level.location_id)
    movement = StockMovement.objects.as_shown().get(pk=movement_id)
    require_reversible(movement)
    level = movement.level
    if not level.location.is_active:
        raise LocationInactive(level.location.code)
    if movement.delta > 0 and state.available - movement.delta < -state.backorder_limit:
        raise InsufficientStock(level.variant.sku, level.location.code, state.available, movement.delta)
    after = _without_count(state, movement).changed(on_hand=-movement.delta)
    row = LedgerRow(
        before=state,
        after=after,
        reason=Reason.CORRECTION,
        note=note,
        reference=movement.reference,
        reverses_id=movement.pk,
    )
    return write_locked_level(after, [row])[0]


def require_reversible(movement: Any) -> None:
    """Raises `AlreadyReversed` or `NotReversible` for one that cannot be reversed, whatever is on hand.

    The movement was read by `as_shown()`.
    """
    if movement.reason in OF_TRANSFERS:
        raise NotReversible("It belongs to a transfer: cancel the transfer, or move the units back.")
    if movement.reporter:
        raise NotReversible(f"It follows from what {movement.reporter} has reported: correct it there, or count.")
    if movement.reversed_by is not None:
        raise AlreadyReversed(f"Movement {movement.pk} has been reversed by movement {movement.reversed_by}.")


def _without_count(state: LevelState, movement: StockMovement) -> LevelState:
    """The level without its latest count, if this is the movement of that count."""
    if movement.reason == Reason.COUNT and movement.occurred_at == state.counted_at:
        return state._replace(counted_on_hand=None, counted_at=None)
    return state
