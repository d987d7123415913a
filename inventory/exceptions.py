"""What inventory refuses."""

from pms_backend.api.exceptions import Conflict, FieldError, Invalid


class UnknownSku(Invalid):
    """No variant has this SKU."""

    code = "unknown_sku"

    def __init__(self, sku: str) -> None:
        detail = f"There is no SKU {sku}."
        super().__init__(detail, errors=[FieldError("/sku", self.code, detail)])


class UnknownLocation(Invalid):
    """No location has this code."""

    code = "unknown_location"

    def __init__(self, location: str) -> None:
        detail = f"There is no location {location}."
        super().__init__(detail, errors=[FieldError("/location", self.code, detail)])


class InsufficientStock(Conflict):
    """A claim asks for more than there is."""

    code = "insufficient_stock"

    def __init__(self, sku: str, location: str, available: int, asked: int) -> None:
        detail = f"{available} of {sku} are available at {location}, {asked} were asked for."
        super().__init__(detail, errors=[FieldError("/delta", self.code, detail)])


class VersionConflict(Conflict):
    """The level has changed since the caller read it."""

    code = "version_conflict"


class LocationInactive(Conflict):
    """Nothing moves at a location that is closed."""

    code = "location_inactive"

    def __init__(self, location: str) -> None:
        detail = f"The location {location} is not active."
        super().__init__(detail, errors=[FieldError("/location", self.code, detail)])


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
