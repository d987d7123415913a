"""Shipping, receiving and cancelling transfers.

Each transition takes a constant number of statements, whatever the number of lines, and changes nothing when repeated.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from inventory.events import TransferCancelled, TransferReceived, TransferShipped
from inventory.exceptions import InsufficientStock, InvalidQuantity, LocationInactive, OverReceipt, TransferShort
from inventory.models import Location, Reason, Transfer, TransferLine, TransferStatus
from inventory.representation import transfer_as_dict
from inventory.services.documents import close_document, require_status
from inventory.services.level_batch import LevelBatch
from inventory.services.levels import Key
from inventory.services.line_updates import write_lines
from inventory.services.line_validation import refuse, require_each_once
from inventory.services.transfers import lock_transfer
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from products.skus import sku_key

# The reasons why shipped units did not arrive.
SHORTAGE_REASONS: Final = (Reason.DAMAGE, Reason.CORRECTION)

# The columns of a line that transitions change.
PROGRESS: Final = ("target_level_id", "in_transit", "received", "lost")


@retried_atomic
def ship_transfer(*, transfer_id: int) -> Transfer:
    """Takes the units from the source; they become `incoming` at the target. A shipped one is returned as it is.

    It is a claim (ADR 6): raises `TransferShort`, with an error for each line that the source cannot serve, and writes
    nothing. Raises `LocationInactive`, `TransferStateConflict`, `Transfer.DoesNotExist`.
    """
    transfer = lock_transfer(transfer_id)
    if transfer.status == TransferStatus.IN_TRANSIT:
        return transfer
    require_status(transfer, gettext_noop("shipped"), TransferStatus.DRAFT)
    _require_active(transfer.source, pointer="/from")
    _require_active(transfer.target, pointer="/to")
    lines = list(transfer.lines.all())
    arrivals = [_target(transfer, line) for line in lines]
    departures = [_source(transfer, line) for line in lines]
    levels = LevelBatch(departures + arrivals, reference=_reference(transfer))
    _require_available(transfer, lines, levels)
    levels.create(arrivals)
    for line in lines:
        levels.change(_source(transfer, line), on_hand=-line.quantity, reason=Reason.TRANSFER_OUT)
        levels.change(_target(transfer, line), incoming=line.quantity)
        line.in_transit, line.target_level_id = line.quantity, levels.states[_target(transfer, line)].id
    levels.write()
    write_lines(lines, *PROGRESS)
    transfer.status, transfer.shipped_at = TransferStatus.IN_TRANSIT, timezone.now()
    transfer.save(update_fields=["status", "shipped_at"])
    outbox.record(TransferShipped(transfer=transfer_as_dict(transfer)))
    return transfer


@retried_atomic
def receive_transfer(
    *, transfer_id: int, lines: Sequence[tuple[str, int]] | None = None, shortage: str | None = None
) -> Transfer:
    """Receives these units (from 0) of each SKU at the target; without lines, all that are in transit.

    With a `shortage` (`damage` or `correction`) all other units are lost: the ledger has them come in and leave for
    that reason, which is a fact and always applies. The transfer is received when nothing is left in transit; without
    lines, a received one is returned as it is. Raises `OverReceipt`, `InvalidLines`, `InvalidQuantity`,
    `TransferStateConflict`, `Transfer.DoesNotExist`.
    """
    transfer = lock_transfer(transfer_id)
    if transfer.status == TransferStatus.RECEIVED and lines is None:
        return transfer
    require_status(transfer, gettext_noop("received"), TransferStatus.IN_TRANSIT)
    in_transit = [line for line in transfer.lines.all() if line.in_transit]
    received = {line.pk: line.in_transit for line in in_transit} if lines is None else _received(transfer, lines)
    if shortage is not None and shortage not in SHORTAGE_REASONS:
        raise InvalidQuantity(_("A shortage is one of %(reasons)s.") % {"reasons": ", ".join(SHORTAGE_REASONS)})
    if shortage is None and not any(received.values()):
        raise InvalidQuantity(_("Nothing would be received."))
    levels = LevelBatch([_target(transfer, line) for line in in_transit], reference=_reference(transfer))
    lost = {line.pk: line.in_transit - received.get(line.pk, 0) if shortage else 0 for line in in_transit}
    for line in in_transit:
        _receive_line(levels, _target(transfer, line), line, received.get(line.pk, 0), lost[line.pk], shortage or "")
    levels.write()
    write_lines(in_transit, *PROGRESS)
    if not any(line.in_transit for line in in_transit):
        close_document(transfer, TransferStatus.RECEIVED)
    outbox.record(
        TransferReceived(
            transfer=transfer_as_dict(transfer), received=_units(in_transit, received), lost=_units(in_transit, lost)
        )
    )
    return transfer


@retried_atomic
def cancel_transfer(*, transfer_id: int) -> Transfer:
    """Returns the units in transit to the source; a cancelled transfer is returned as it is.

    Raises `TransferStateConflict` once all is received, `LocationInactive` where the source is closed,
    `Transfer.DoesNotExist`.
    """
    transfer = lock_transfer(transfer_id)
    if transfer.status == TransferStatus.CANCELLED:
        return transfer
    require_status(transfer, gettext_noop("cancelled"), TransferStatus.DRAFT, TransferStatus.IN_TRANSIT)
    in_transit = [line for line in transfer.lines.all() if line.in_transit]
    if in_transit:
        _require_active(transfer.source, pointer="/from")
        keys = [key for line in in_transit for key in (_source(transfer, line), _target(transfer, line))]
        levels = LevelBatch(keys, reference=_reference(transfer))
        for line in in_transit:
            levels.change(_target(transfer, line), incoming=-line.in_transit)
            levels.change(_source(transfer, line), on_hand=line.in_transit, reason=Reason.TRANSFER_IN)
            line.in_transit = 0
        levels.write()
        write_lines(in_transit, *PROGRESS)
    close_document(transfer, TransferStatus.CANCELLED)
    outbox.record(TransferCancelled(transfer=transfer_as_dict(transfer)))
    return transfer


def _received(transfer: Transfer, lines: Sequence[tuple[str, int]]) -> dict[int, int]:
    """The units received of each line, by the id of the line."""
    require_each_once([sku for sku, _ in lines])
    known = {sku_key(line.variant.sku): line for line in transfer.lines.all()}
    refuse(
        FieldError(f"/lines/{index}/sku", "not_in_transfer", _("The transfer has no line of %(sku)s.") % {"sku": sku})
        for index, (sku, _quantity) in enumerate(lines)
        if sku_key(sku) not in known
    )
    received = [(index, known[sku_key(sku)], quantity) for index, (sku, quantity) in enumerate(lines)]
    refuse(
        FieldError(f"/lines/{index}/quantity", InvalidQuantity.code, _("A whole number from 0."))
        for index, _line, quantity in received
        if quantity < 0
    )
    over = [
        FieldError(
            f"/lines/{index}/quantity",
            OverReceipt.code,
            _("%(in_transit)s of %(sku)s are in transit, %(quantity)s would be received.")
            % {"in_transit": line.in_transit, "sku": line.variant.sku, "quantity": quantity},
        )
        for index, line, quantity in received
        if quantity > line.in_transit
    ]
    if over:
        raise OverReceipt(over[0].detail, errors=over)
    return {line.pk: quantity for _, line, quantity in received}


def _receive_line(levels: LevelBatch, key: Key, line: TransferLine, received: int, lost: int, shortage: str) -> None:
    """Adds the received and the lost units of a line at the target, and removes the lost ones again."""
    for units in filter(None, (received, lost)):
        levels.change(key, on_hand=units, incoming=-units, reason=Reason.TRANSFER_IN)
    if lost:
        levels.change(key, on_hand=-lost, reason=shortage)
    line.in_transit -= received + lost
    line.received += received
    line.lost += lost


def _require_available(transfer: Transfer, lines: Sequence[TransferLine], levels: LevelBatch) -> None:
    short: list[FieldError] = []
    for index, line in enumerate(lines):
        level = levels.states.get(_source(transfer, line))
        available, limit = (level.available, level.backorder_limit) if level else (0, 0)
        if available - line.quantity < -limit:
            refusal = InsufficientStock(line.variant.sku, transfer.source.code, available, line.quantity)
            short.append(FieldError(f"/lines/{index}/quantity", refusal.code, refusal.detail))
    if short:
        raise TransferShort(short[0].detail, errors=short)


def _require_active(location: Location, *, pointer: str) -> None:
    if not location.is_active:
        raise LocationInactive(location.code, pointer=pointer)


def _source(transfer: Transfer, line: TransferLine) -> Key:
    return line.variant_id, transfer.source_id


def _target(transfer: Transfer, line: TransferLine) -> Key:
    return line.variant_id, transfer.target_id


def _reference(transfer: Transfer) -> str:
    return transfer.reference or f"transfer:{transfer.pk}"


def _units(lines: Sequence[TransferLine], units: dict[int, int]) -> list[dict[str, Any]]:
    return [{"sku": line.variant.sku, "quantity": units[line.pk]} for line in lines if units.get(line.pk)]
