"""Reversing a movement: one more movement takes back what it has done."""

from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

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

    It is a claim where it takes units away. After the reversal of the latest count the one before it is the latest:
    what a PMS reports late is compared with that one. Raises `AlreadyReversed`, `NotReversible`, `InsufficientStock`,
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
    """Raises `AlreadyReversed` or `NotReversible` for one that cannot be reversed, whatever is available.

    The movement was read by `as_shown()`.
    """
    if movement.reason in OF_TRANSFERS:
        raise NotReversible(_("It belongs to a transfer: cancel the transfer, or move the units back."))
    if movement.reporter:
        raise NotReversible(
            _("It follows from what %(reporter)s has reported: correct it there, or count.")
            % {"reporter": movement.reporter}
        )
    if movement.reversed_by is not None:
        raise AlreadyReversed(
            _("Movement %(id)s has been reversed by movement %(reversed_by)s.")
            % {"id": movement.pk, "reversed_by": movement.reversed_by}
        )
    counted_at = movement.level.counted_at
    if counted_at is not None and movement.occurred_at < counted_at:
        raise NotReversible(_("The level was counted after it, and that count has corrected it: count again."))
    if movement.reason == Reason.COUNT and _has_followers(movement):
        raise NotReversible(_("What a PMS reported later was set against this count: count again."))


def _has_followers(count: StockMovement) -> bool:
    """Whether more movements keep this count: each has its moment, and cannot be reversed by itself."""
    at_its_moment = StockMovement.objects.filter(level=count.level_id, occurred_at=count.occurred_at)
    return at_its_moment.filter(reason=Reason.COUNT).exclude(pk=count.pk).exists()


def _without_count(state: LevelState, movement: StockMovement) -> LevelState:
    """The level with the count before the reversed one as its latest; one that found no difference is not known."""
    if movement.reason != Reason.COUNT or movement.occurred_at != state.counted_at:
        return state
    earlier = StockMovement.objects.filter(level=state.id, occurred_at__lt=movement.occurred_at)
    counts = earlier.filter(reason=Reason.COUNT, source="", reversals=None)
    moment = counts.order_by("-occurred_at").values_list("occurred_at", flat=True).first()
    if moment is None:
        return state._replace(counted_on_hand=None, counted_at=None)
    on_hand = earlier.filter(occurred_at__lte=moment).order_by().aggregate(total=Sum("delta"))["total"]
    return state._replace(counted_on_hand=int(on_hand), counted_at=moment)
