"""The errors of webhooks, connections and imports."""

from pms_backend.api.exceptions import Conflict, Forbidden, Gone, Invalid, NotFound, Unauthenticated


class SignatureInvalid(Unauthenticated):
    """The webhook is not signed by the PMS, or its timestamp is too old."""

    code = "invalid_signature"


class UnusableData(Invalid):
    """The data of a known type is not valid; a retry would fail again."""

    code = "unusable_data"


class UnknownPMSLocation(NotFound):
    """A location that is neither mapped by the connection nor one of our codes; it may be added later."""

    code = "unknown_location"


class NotRetriable(Conflict):
    """The event has a status in which it cannot be retried."""

    code = "not_retriable"


class AwaitsSku(Exception):
    """The event has a SKU that does not exist yet."""

    def __init__(self, sku_key: str) -> None:
        super().__init__(sku_key)
        self.sku_key = sku_key


class StockOwned(Conflict):
    """Another connection owns the stock of the location."""

    code = "stock_owned"


class LocationNameTaken(Conflict):
    """The connection uses the name for another location."""

    code = "location_name_taken"


class StockNotYours(Forbidden):
    """The file has quantities, and its sender may not set stock."""

    code = "forbidden"


class ImportFileGone(Gone):
    """The file of the import has been removed; it is stored for a few days only."""

    code = "import_file_gone"


class ImportLost(Exception):
    """Another worker has leased the import, so that this worker must not write any more."""


class FileUnusable(Exception):
    """The file as a whole cannot be imported; the message says why."""
