"""What inventory refuses."""

from collections.abc import Sequence

from pms_backend.api.exceptions import Conflict, Invalid, NotFound
from pms_backend.api.problems import FieldError


class UnknownSku(Invalid):
    """No variant has this SKU."""

    code = "unknown_sku"

    def __init__(self, sku: str) -> None:
        detail = f"There is no SKU {sku}."
        super().__init__(detail, errors=[FieldError("/sku", self.code, detail)])


class UnknownLocation(Invalid):
    """No location has this code."""

    code = "unknown_location"

    def __init__(self, location: str, *, pointer: str = "/location") -> None:
        detail = f"There is no location {location}."
        super().__init__(detail, errors=[FieldError(pointer, self.code, detail)])


class InsufficientStock(Conflict):
    """A claim asks for more than there is."""

    code = "insufficient_stock"

    def __init__(self, sku: str, location: str, available: int, asked: int) -> None:
        detail = f"{available} of {sku} are available at {location}, {asked} were asked for."
        super().__init__(detail, errors=[FieldError("/delta", self.code, detail)])


class VersionConflict(Conflict):
    """The level has changed since the caller read it."""

    code = "version_conflict"


class ReferenceMissing(Invalid):
    """Nothing says what is to act once."""

    code = "reference_required"

    def __init__(self) -> None:
        detail = "What is to act once needs a reference."
        super().__init__(detail, errors=[FieldError("/reference", self.code, detail)])


class DedupeConflict(Conflict):
    """Another change has acted under this reference, level and reason."""

    code = "dedupe_conflict"

    def __init__(self, reference: str, delta: int) -> None:
        detail = f"{reference} has acted by {delta:+} already, under the same reason."
        super().__init__(detail, errors=[FieldError("/reference", self.code, detail)])


class LocationInactive(Conflict):
    """Nothing moves at a location that is closed."""

    code = "location_inactive"

    def __init__(self, location: str, *, pointer: str = "/location") -> None:
        detail = f"The location {location} is not active."
        super().__init__(detail, errors=[FieldError(pointer, self.code, detail)])


class CodeTaken(Conflict):
    """Another location has this code."""

    code = "code_taken"

    def __init__(self, location: str) -> None:
        detail = f"Another location has the code {location}."
        super().__init__(detail, errors=[FieldError("/code", self.code, detail)])


class LocationHoldsStock(Conflict):
    """A location that holds stock cannot be closed."""

    code = "location_holds_stock"


class LimitInUse(Conflict):
    """The backorder limit would be below what is in use."""

    code = "limit_in_use"


class InvalidQuantity(Invalid):
    """The number makes no sense here."""

    code = "invalid_quantity"


class LedgerContradictsItself(Conflict):
    """A movement does not follow from the one before it."""

    code = "ledger_contradicts_itself"


class ReservationNotFound(NotFound):
    """There is no such reservation, or it is another client's."""

    code = "reservation_not_found"

    def __init__(self, reservation_id: int) -> None:
        super().__init__(f"There is no reservation {reservation_id}.")


class InvalidReservation(Invalid):
    """What is asked for cannot be reserved, whatever there is."""

    code = "invalid_reservation"


class InvalidLines(Invalid):
    """Lines make no sense or name what does not exist; `errors` names each, and the code is the first one's."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors[0].detail, code=errors[0].code, errors=errors)


class RefusedLines(Conflict):
    """The present state forbids some lines, and so all: the code is the first one's."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors[0].detail, code=errors[0].code, errors=errors)


class ReferenceConflict(Conflict):
    """The reference means another reservation of this client."""

    code = "reference_conflict"

    def __init__(self, reference: str, reservation_id: int) -> None:
        detail = f"{reference} is reservation {reservation_id}, which was asked for with other lines."
        super().__init__(detail, errors=[FieldError("/reference", self.code, detail)])


class ReservationExpired(Conflict):
    """The reservation's time is over."""

    code = "reservation_expired"

    def __init__(self, reservation_id: int) -> None:
        super().__init__(f"The reservation {reservation_id} is expired.")


class ReservationStateConflict(Conflict):
    """What has become of the reservation forbids this."""

    code = "reservation_state_conflict"

    def __init__(self, reservation_id: int, status: str) -> None:
        super().__init__(f"The reservation {reservation_id} is {status}.")


class SameLocation(Invalid):
    """A transfer goes from one location to another."""

    code = "same_location"


class TransferShort(Conflict):
    """A transfer's source has less than it would ship; `errors` names each line."""

    code = InsufficientStock.code


class OverReceipt(Conflict):
    """More would be received than is in transit; `errors` names each line."""

    code = "over_receipt"


class TransferStateConflict(Conflict):
    """The transfer is in a state in which this cannot be done."""

    code = "transfer_state_conflict"


class StocktakeStateConflict(Conflict):
    """The count sheet is closed, or was closed another way."""

    code = "stocktake_state_conflict"


class StocktakeTooLarge(Invalid):
    """A count sheet would have more lines than one may have."""

    code = "stocktake_too_large"
