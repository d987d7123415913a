"""What the catalogue refuses."""

from pms_backend.api.exceptions import Conflict, Invalid, NotFound, Unavailable


class InvalidSku(Invalid):
    """The text is no SKU."""

    code = "invalid_sku"


class SkuTaken(Conflict):
    """Another variant has this SKU, in this or another case."""

    code = "sku_taken"


class HandleTaken(Conflict):
    """Another product has this handle."""

    code = "handle_taken"


class PublishRulesFailed(Invalid):
    """The product may not be published; `errors` names each failed rule."""

    code = "publish_rules_failed"


class ProductNotFound(NotFound):
    """No product has this id."""

    code = "product_not_found"


class ProductArchived(Conflict):
    """An archived product is restored before it is published."""

    code = "product_archived"


class CategoryNotFound(Invalid):
    """The input names a category that does not exist."""

    code = "category_not_found"


class CategoryCycle(Conflict):
    """A category would be within itself."""

    code = "category_cycle"


class CategoryInUse(Conflict):
    """A category that holds products or categories stays."""

    code = "category_in_use"


class UnknownVariant(Invalid):
    """The input names a variant that is none of the product's."""

    code = "unknown_variant"


class ImageNotFound(NotFound):
    """The product has no picture of this id."""

    code = "image_not_found"


class ImageTooLarge(Invalid):
    """The file has more bytes than a picture may."""

    code = "image_too_large"


class ImageTypeUnsupported(Invalid):
    """The content is no picture of a kind that we take, whatever its name says."""

    code = "image_type_unsupported"


class ImagePolyglot(Invalid):
    """The content is a picture, and something else for another program."""

    code = "image_polyglot"


class ImageTooManyPixels(Invalid):
    """Decoded, the picture would be too large."""

    code = "image_too_many_pixels"


class ImageUnreadable(Invalid):
    """The picture is damaged or incomplete."""

    code = "image_unreadable"


class TooManyImages(Conflict):
    """The product has as many pictures as it may."""

    code = "too_many_images"


class DirectUploadsUnavailable(Conflict):
    """Files are kept on this machine: there is no bucket to send them to."""

    code = "direct_uploads_unavailable"


class UploadNotFound(NotFound):
    """The caller has no such upload."""

    code = "upload_not_found"


class UploadUsed(Conflict):
    """The upload has been made a picture already."""

    code = "upload_used"


class UploadExpired(Conflict):
    """The upload was not used in time; ask for another."""

    code = "upload_expired"


class UploadMissing(Conflict):
    """Nothing has been sent to the upload's address yet."""

    code = "upload_missing"


class StorageUnavailable(Unavailable):
    """The storage of files does not answer, or takes nothing."""

    code = "storage_unavailable"
