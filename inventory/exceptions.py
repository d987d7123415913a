"""The errors of inventory."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from pms_backend.api.exceptions import Conflict, Invalid, NotFound
from pms_backend.api.problems import FieldError


class UnknownSku(Invalid):
    """No variant has this SKU."""

    code = "unknown_sku"

    def __init__(self, sku: str) -> None:
        detail = _("There is no SKU %(sku)s.") % {"sku": sku}
        super().__init__(detail, errors=[FieldError("/sku", self.code, detail)])


class UnknownLocation(Invalid):
    """No location has this code."""

    code = "unknown_location"

    def __init__(self, location: str, *, pointer: str = "/location") -> None:
        detail = _("There is no location %(location)s.") % {"location": location}
        super().__init__(detail, errors=[FieldError(pointer, self.code, detail)])


class InsufficientStock(Conflict):
    """A claim needs more than is available."""

    code = "insufficient_stock"

    def __init__(self, sku: str, location: str, available: int, requested: int) -> None:
        detail = _("%(available)s of %(sku)s are available at %(location)s, %(requested)s were asked for.") % {
            "available": available,
            "sku": sku,
            "location": location,
            "requested": requested,
        }
        super().__init__(detail, errors=[FieldError("/delta", self.code, detail)])


class VersionConflict(Conflict, code="version_conflict"):
    """The level, or the count of a sheet's line, has changed since the caller read it."""


class ReferenceMissing(Invalid):
    """An adjustment that is to act once has no reference."""

    code = "reference_required"

    def __init__(self) -> None:
        detail = _("What is to act once needs a reference.")
        super().__init__(detail, errors=[FieldError("/reference", self.code, detail)])


class DedupeConflict(Conflict):
    """Another change has acted under this reference, level and reason."""

    code = "dedupe_conflict"

    def __init__(self, reference: str, delta: int) -> None:
        detail = _("%(reference)s has acted by %(delta)s already, under the same reason.") % {
            "reference": reference,
            "delta": f"{delta:+}",
        }
        super().__init__(detail, errors=[FieldError("/reference", self.code, detail)])


class LocationInactive(Conflict):
    """The location is closed, so its stock does not change."""

    code = "location_inactive"

    def __init__(self, location: str, *, pointer: str = "/location") -> None:
        detail = _("The location %(location)s is not active.") % {"location": location}
        super().__init__(detail, errors=[FieldError(pointer, self.code, detail)])


class CodeTaken(Conflict):
    """Another location has this code."""

    code = "code_taken"

    def __init__(self, location: str) -> None:
        detail = _("Another location has the code %(location)s.") % {"location": location}
        super().__init__(detail, errors=[FieldError("/code", self.code, detail)])


class LocationHoldsStock(Conflict, code="location_holds_stock"):
    """A location that holds stock cannot be closed."""


class LimitInUse(Conflict, code="limit_in_use"):
    """The backorder limit would be below the units that are already promised beyond the stock."""


class InvalidQuantity(Invalid, code="invalid_quantity"):
    """The number is not valid here."""


class ReasonContradictsDelta(Invalid):
    """The reason only adds units, or only takes units away, and the delta does the opposite."""

    code = "reason_contradicts_delta"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[FieldError("/reason", self.code, detail)])


class AlreadyReversed(Conflict, code="already_reversed"):
    """Another movement has reversed this one."""


class NotReversible(Conflict, code="not_reversible"):
    """The movement belongs to a transfer, or another system has reported it; `detail` says what to do instead."""


class LedgerContradictsItself(Conflict, code="ledger_contradicts_itself"):
    """A movement does not follow from the one before it."""


class ReservationNotFound(NotFound):
    """The reservation does not exist, or belongs to another client."""

    code = "reservation_not_found"

    def __init__(self, reservation_id: int) -> None:
        super().__init__(_("There is no reservation %(id)s.") % {"id": reservation_id})


class InvalidReservation(Invalid, code="invalid_reservation"):
    """The request for a reservation is not valid, whatever the stock."""


class InvalidLines(Invalid):
    """Lines are not valid or name unknown SKUs or locations; `errors` names each, and the code is that of the first."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors[0].detail, code=errors[0].code, errors=errors)


class RefusedLines(Conflict):
    """The present state forbids some lines, and so all; the code is that of the first."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors[0].detail, code=errors[0].code, errors=errors)


class ReferenceConflict(Conflict):
    """The reference belongs to another reservation of this client."""

    code = "reference_conflict"

    def __init__(self, reference: str, reservation_id: int) -> None:
        detail = _("%(reference)s is reservation %(id)s, which was asked for with other lines.") % {
            "reference": reference,
            "id": reservation_id,
        }
        super().__init__(detail, errors=[FieldError("/reference", self.code, detail)])


class ReservationExpired(Conflict):
    """The reservation's time is over."""

    code = "reservation_expired"

    def __init__(self, reservation_id: int) -> None:
        super().__init__(_("The reservation %(id)s is expired.") % {"id": reservation_id})


class ReservationStateConflict(Conflict):
    """The status of the reservation forbids this."""

    code = "reservation_state_conflict"

    def __init__(self, reservation_id: int, status: str) -> None:
        super().__init__(_("The reservation %(id)s is %(status)s.") % {"id": reservation_id, "status": status})


class SameLocation(Invalid, code="same_location"):
    """A transfer goes from one location to another."""


class TransferShort(Conflict, code=InsufficientStock.code):
    """A transfer's source has less than it would ship; `errors` names each line."""


class OverReceipt(Conflict, code="over_receipt"):
    """More would be received than is in transit; `errors` names each line."""


class TransferStateConflict(Conflict, code="transfer_state_conflict"):
    """The status of the transfer forbids this."""


class StocktakeStateConflict(Conflict, code="stocktake_state_conflict"):
    """The count sheet is already closed."""


class StocktakeTooLarge(Invalid, code="stocktake_too_large"):
    """A count sheet would have too many lines."""
