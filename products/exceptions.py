"""What the catalogue refuses."""

from pms_backend.api.exceptions import Conflict, Invalid, NotFound, PreconditionFailed, Unavailable
from pms_backend.api.problems import FieldError


class InvalidSku(Invalid):
    """The text is no SKU."""

    code = "invalid_sku"


class InvalidBarcode(Invalid):
    """The text looks like a GTIN and is none."""

    code = "invalid_barcode"


class SkuTaken(Conflict):
    """Another variant has this SKU, in this or another case."""

    code = "sku_taken"


class HandleTaken(Conflict):
    """Another product has this handle."""

    code = "handle_taken"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[FieldError("/handle", self.code, detail)])


class PublishRulesFailed(Invalid):
    """The product may not be published; `errors` names each failed rule."""

    code = "publish_rules_failed"


class ProductNotFound(NotFound):
    """No product has this id."""

    code = "product_not_found"


class ProductArchived(Conflict):
    """An archived product is restored before it is published."""

    code = "product_archived"


class ProductPublished(Conflict):
    """What is published already is not published later."""

    code = "product_published"


class ProductNotPublished(Conflict):
    """What is not published, and is not going to be, does not end."""

    code = "product_not_published"


class InvalidSchedule(Invalid):
    """A product would be unpublished before it is published."""

    code = "invalid_schedule"

    def __init__(self) -> None:
        detail = "unpublish_at has to be later than the moment of publishing."
        super().__init__(detail, errors=[FieldError("/unpublish_at", self.code, detail)])


class VersionConflict(PreconditionFailed):
    """The product has changed since the caller read it."""


class VariantNotFound(NotFound):
    """No variant has this id."""

    code = "variant_not_found"


class TooManyVariants(Invalid):
    """A product would have more current variants than it may."""

    code = "too_many_variants"

    def __init__(self, limit: int) -> None:
        detail = f"A product has at most {limit} variants."
        super().__init__(detail, errors=[FieldError("/variants", self.code, detail)])


class OptionsDoNotFit(Invalid):
    """The variants do not fit the options of their product; `errors` names each."""

    code = "options_do_not_fit"


class InvalidHandle(Invalid):
    """The text has nothing that a handle could be made of, or too much of it."""

    code = "invalid_handle"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[FieldError("/handle", self.code, detail)])


class DescriptionTooLong(Invalid):
    """The description, sanitised, is longer than a product may have."""

    code = "max_length"

    def __init__(self, limit: int) -> None:
        detail = f"A description has at most {limit} characters, counted when its HTML is sanitised."
        super().__init__(detail, errors=[FieldError("/description", self.code, detail)])


class AttributesTooLarge(Invalid):
    """The attributes would be larger than a product may have."""

    code = "too_large"


class CategoryNotFound(Invalid):
    """The input names a category that does not exist."""

    code = "category_not_found"

    def __init__(self, slug: str) -> None:
        detail = f"There is no category {slug}."
        super().__init__(detail, errors=[FieldError("/category", self.code, detail)])


class SlugTaken(Conflict):
    """Another category has this slug."""

    code = "slug_taken"

    def __init__(self, slug: str) -> None:
        detail = f"Another category has the slug {slug}."
        super().__init__(detail, errors=[FieldError("/slug", self.code, detail)])


class CategoryTooDeep(Invalid):
    """A category would stand deeper than the tree may be."""

    code = "category_too_deep"

    def __init__(self, limit: int) -> None:
        detail = f"The tree has at most {limit} levels."
        super().__init__(detail, errors=[FieldError("/parent", self.code, detail)])


class CategoryCycle(Conflict):
    """A category would be within itself."""

    code = "category_cycle"


class CategoryInUse(Conflict):
    """A category that holds products or categories stays."""

    code = "category_in_use"


class UnknownVariant(Invalid):
    """The input names a variant that is none of the product's."""

    code = "unknown_variant"

    def __init__(self, variant_id: int, pointer: str) -> None:
        detail = f"The product has no variant {variant_id}."
        super().__init__(detail, errors=[FieldError(pointer, self.code, detail)])


class UnknownField(Invalid):
    """A sparse answer is asked for a field that there is not; `errors` names each."""

    code = "unknown_field"


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


class ImageTooCostly(Invalid):
    """Decoding the picture needs more memory or time than it may."""

    code = "image_too_costly"


class ImageDecoderBusy(Unavailable):
    """Another picture is being decoded; nothing was written."""

    code = "image_decoder_busy"


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
