"""Creating transfers, and changing drafts.

Lock order: the transfer, whose lock covers its lines, then the levels of both ends at once.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from inventory.exceptions import InvalidQuantity, SameLocation
from inventory.models import MAX_QUANTITY, Transfer, TransferLine, TransferStatus
from inventory.services.documents import require_status
from inventory.services.levels import require_location
from inventory.services.line_validation import refuse, variants_of_lines
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic

MAX_TRANSFER_LINES: Final = 1_000


@retried_atomic
def create_transfer(*, source: str, target: str, lines: Sequence[tuple[str, int]], reference: str = "") -> Transfer:
    """Creates a draft that moves units (from 1) of each SKU between two locations, by code; no stock changes yet.

    Raises `SameLocation`, `UnknownLocation`, `LocationInactive`, `InvalidLines`, `InvalidQuantity`.
    """
    if source == target:
        raise SameLocation(
            _("%(target)s is where it comes from.") % {"target": target},
            errors=[FieldError("/to", SameLocation.code, _("Another location."))],
        )
    ends = {
        "source": require_location(source, pointer="/from"),
        "target": require_location(target, pointer="/to"),
    }
    planned = _planned(lines)
    transfer = Transfer.objects.create(reference=reference, **ends)
    _write(transfer, planned)
    return _read(transfer)


@retried_atomic
def update_transfer(*, transfer_id: int, values: dict[str, Any]) -> Transfer:
    """Changes a draft: its `reference`, or all its `lines`. Raises the errors of `create_transfer`.

    Raises `TransferStateConflict` once it is shipped or cancelled, `Transfer.DoesNotExist`.
    """
    transfer = lock_transfer(transfer_id)
    require_status(transfer, gettext_noop("changed"), TransferStatus.DRAFT)
    planned = _planned(values["lines"]) if "lines" in values else None
    if "reference" in values:
        transfer.reference = values["reference"]
        transfer.save(update_fields=["reference"])
    if planned is not None:
        transfer.lines.all().delete()
        _write(transfer, planned)
    return _read(transfer)


def lock_transfer(transfer_id: int) -> Transfer:
    """The transfer with its lines, locked to the end of the transaction. Raises `Transfer.DoesNotExist`."""
    return Transfer.objects.with_lines().select_for_update(no_key=True, of=("self",)).get(pk=transfer_id)


def _planned(lines: Sequence[tuple[str, int]]) -> list[TransferLine]:
    """The lines, without their transfer. Raises `InvalidLines`, `InvalidQuantity`."""
    if not 1 <= len(lines) <= MAX_TRANSFER_LINES:
        raise InvalidQuantity(_("A transfer has 1 to %(max)s lines.") % {"max": MAX_TRANSFER_LINES})
    refuse(
        FieldError(
            f"/lines/{index}/quantity",
            InvalidQuantity.code,
            _("A whole number from 1 to %(max)s.") % {"max": MAX_QUANTITY},
        )
        for index, (_sku, quantity) in enumerate(lines)
        if not 1 <= quantity <= MAX_QUANTITY
    )
    variants = variants_of_lines([sku for sku, _ in lines])
    return [
        TransferLine(variant_id=variant, quantity=quantity)
        for variant, (_, quantity) in zip(variants, lines, strict=True)
    ]


def _write(transfer: Transfer, lines: Sequence[TransferLine]) -> None:
    for line in lines:
        line.transfer = transfer
    TransferLine.objects.bulk_create(lines)


def _read(transfer: Transfer) -> Transfer:
    return Transfer.objects.with_lines().get(pk=transfer.pk)
