"""What can be wrong with a webhook, and with what it says."""

from pms_backend.api.exceptions import Conflict, Forbidden, Gone, Invalid, NotFound, Unauthenticated


class SignatureInvalid(Unauthenticated):
    """The webhook is not from the PMS, or not from now."""

    code = "invalid_signature"


class UnusableData(Invalid):
    """A known type whose data cannot be used; trying again will not help."""

    code = "unusable_data"


class UnknownPMSLocation(NotFound):
    """A location that the connection does not map and no location of ours is called by; somebody may add it."""

    code = "unknown_location"


class NotRetriable(Conflict):
    """The event is not in a state in which trying again makes sense."""

    code = "not_retriable"


class AwaitsSku(Exception):
    """The event speaks of a SKU that we do not know yet."""

    def __init__(self, sku_key: str) -> None:
        super().__init__(sku_key)
        self.sku_key = sku_key


class StockOwned(Conflict):
    """A location's stock has one owner at most."""

    code = "stock_owned"


class LocationNameTaken(Conflict):
    """A PMS calls one location by a name."""

    code = "location_name_taken"


class StockNotYours(Forbidden):
    """The file fills quantities, and who sends it may not set stock."""

    code = "forbidden"


class ImportFileGone(Gone):
    """The file of an import is kept for some days only."""

    code = "import_file_gone"


class ImportLost(Exception):
    """Somebody else has claimed the import since; whatever this one was about to write is void."""
