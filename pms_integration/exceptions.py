"""The errors of webhooks, connections and imports."""

from pms_backend.api.exceptions import Conflict, Forbidden, Gone, Invalid, NotFound, Unauthenticated, Unavailable


class SignatureInvalid(Unauthenticated, code="invalid_signature"):
    """The webhook is not signed by the PMS, or its timestamp is too old."""


class SignatureMissing(SignatureInvalid):
    """The webhook has no signature. It is answered as any that does not verify."""


class SignatureStale(SignatureInvalid):
    """The timestamp of the webhook is too old, or too far ahead. It is answered as any that does not verify."""


class UnusableData(Invalid, code="unusable_data"):
    """The data of a known type is not valid; a retry would fail again."""


class UnknownPMSLocation(NotFound, code="unknown_location"):
    """A location that is neither mapped by the connection nor one of our codes; it may be added later."""


class NotRetriable(Conflict, code="not_retriable"):
    """The event has a status in which it cannot be retried."""


class ConnectionSlugTaken(Conflict, code="slug_taken"):
    """Another connection has the slug."""


class ConnectionInUse(Conflict, code="connection_in_use"):
    """A connection is not deleted while something that the PMS sent hangs on it; it can be made inactive."""


class FieldFixed(Invalid, code="fixed_field"):
    """The field is set when a connection is created, and does not change."""


class LocationRepeated(Invalid, code="repeated_location"):
    """A list of mappings names a location twice."""


class PMSNotCalled(Conflict, code="pms_not_called"):
    """The PMS of the connection is not called as the connection is set up."""


class PMSUnavailable(Unavailable, code="pms_unavailable"):
    """The PMS does not answer, or has refused the call."""


class PMSBusy(Unavailable, code="pms_busy"):
    """The PMS, or as many PMSs as may be asked at a time, are being asked by others."""


class UnknownSkus(Invalid, code="unknown_sku"):
    """No variants have these SKUs."""


class UnknownConnection(Invalid, code="unknown_connection"):
    """No connection has this slug."""


class UnknownKind(Invalid, code="unknown_kind"):
    """There is no connector for this kind of PMS."""


class InvalidBaseURL(Invalid, code="invalid_base_url"):
    """The PMS cannot be called under this URL, or has a kind that is not called."""


class InvalidCredentials(Invalid, code="invalid_credentials"):
    """The credentials are not those that this kind of PMS needs, or have characters that a header cannot have."""


class InvalidSecret(Invalid, code="invalid_secret"):
    """The secret that a PMS has made is too short, or too long."""


class ConnectorMissing(Unavailable, code="connector_missing"):
    """The kind of a connection had a connector in another version, and has none in this one."""


class StockOwned(Conflict, code="stock_owned"):
    """Another connection owns the stock of the location."""


class OwnerInUse(Conflict, code="owner_in_use"):
    """Who owns the stock of a location is changed by an operation of its own once there is stock."""


class LocationNotMapped(NotFound, code="location_not_mapped"):
    """The connection does not map the location."""


class ExternalIdTaken(Conflict, code="external_id_taken"):
    """The connection uses the id for another location."""


class CategoryNameTaken(Conflict, code="category_name_taken"):
    """The connection uses the name for another category."""


class StockNotYours(Forbidden, code="forbidden"):
    """The file has quantities, and its sender may not set stock."""


class ImportFileGone(Gone, code="import_file_gone"):
    """The file of the import has been removed; it is stored for a few days only."""


class PreviewUnfinished(Conflict, code="preview_unfinished"):
    """Only a preview that has finished is followed by its import."""


class AlreadyImported(Conflict, code="already_imported"):
    """A preview is followed by one import."""


class ImportLost(Exception):
    """Another worker has leased the import, so that this worker must not write any more."""


class FileUnusable(Exception):
    """The file as a whole cannot be imported; the message says why."""


class ProductLinked(Conflict, code="product_linked"):
    """The product is linked to another product of the PMS."""


class ProductDeleted(Conflict, code="product_deleted"):
    """The PMS has deleted the product, so that it is not linked."""


class NotInConflict(Conflict, code="not_in_conflict"):
    """The product of the PMS has no conflict in these groups."""


class UnknownProducts(Invalid, code="product_not_found"):
    """No products have these ids, or they are archived."""


class SyncRunning(Conflict, code="sync_running"):
    """A connection has one sync run at a time."""


class SyncOver(Conflict, code="sync_over"):
    """The sync run has ended, so that it cannot be cancelled."""


class SyncNotHeld(Conflict, code="sync_not_held"):
    """Only a held sync run is confirmed."""


class SyncLost(Exception):
    """The sync run was cancelled, or another worker has leased it, so that this worker must not write any more."""
