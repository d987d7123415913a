"""The errors of the catalogue."""

from typing import Any, ClassVar

from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.api.exceptions import Conflict, Invalid, NotFound, PreconditionFailed, Unavailable
from pms_backend.api.problems import FieldError
from products.images.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE


class InvalidSku(Invalid, code="invalid_sku"):
    """The text is not a valid SKU."""


class InvalidBarcode(Invalid, code="invalid_barcode"):
    """The text has the length of a GTIN, but a wrong check digit."""


class SkuTaken(Conflict, code="sku_taken"):
    """Another variant has this SKU, regardless of case."""


class HandleTaken(Conflict):
    """Another product has this handle."""

    code = "handle_taken"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[FieldError("/handle", self.code, detail)])


class PublishRulesFailed(Invalid, code="publish_rules_failed"):
    """The product may not be published; `errors` names each failed rule."""


class ProductNotFound(NotFound, code="product_not_found"):
    """No product has this id."""


class ProductArchived(Conflict, code="product_archived"):
    """The product is archived and has to be restored first."""


class ProductPublished(Conflict, code="product_published"):
    """A published product cannot be scheduled for publishing."""


class ProductNotPublished(Conflict, code="product_not_published"):
    """A product that is neither published nor scheduled for it cannot be scheduled for unpublishing."""


class InvalidSchedule(Invalid):
    """The product would be unpublished before it is published."""

    code = "invalid_schedule"

    def __init__(self) -> None:
        detail = _("unpublish_at has to be later than the moment of publishing.")
        super().__init__(detail, errors=[FieldError("/unpublish_at", self.code, detail)])


class VersionConflict(PreconditionFailed):
    """The product has changed since the caller read it."""


class VariantNotFound(NotFound, code="variant_not_found"):
    """No variant has this id."""


class TooManyVariants(Invalid):
    """The product would have too many current variants."""

    code = "too_many_variants"

    def __init__(self, limit: int) -> None:
        detail = _("A product has at most %(limit)s variants.") % {"limit": limit}
        super().__init__(detail, errors=[FieldError("/variants", self.code, detail)])


class OptionsDoNotFit(Invalid, code="options_do_not_fit"):
    """The variants do not fit the options of their product; `errors` names each."""


class InvalidHandle(Invalid):
    """The text makes an empty handle, or one that is too long."""

    code = "invalid_handle"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, errors=[FieldError("/handle", self.code, detail)])


class DescriptionTooLong(Invalid):
    """The sanitised description is too long."""

    code = "max_length"

    def __init__(self, limit: int) -> None:
        detail = _("A description has at most %(limit)s characters, counted when its HTML is sanitised.") % {
            "limit": limit
        }
        super().__init__(detail, errors=[FieldError("/description", self.code, detail)])


class AttributesTooLarge(Invalid, code="too_large"):
    """The merged attributes are too large."""


class CategoryNotFound(Invalid):
    """The input names a category that does not exist."""

    code = "category_not_found"

    def __init__(self, slug: str) -> None:
        detail = _("There is no category %(slug)s.") % {"slug": slug}
        super().__init__(detail, errors=[FieldError("/category", self.code, detail)])


class SlugTaken(Conflict):
    """Another category has this slug."""

    code = "slug_taken"

    def __init__(self, slug: str) -> None:
        detail = _("Another category has the slug %(slug)s.") % {"slug": slug}
        super().__init__(detail, errors=[FieldError("/slug", self.code, detail)])


class CategoryTooDeep(Invalid):
    """The tree would have too many levels."""

    code = "category_too_deep"

    def __init__(self, limit: int) -> None:
        detail = _("The tree has at most %(limit)s levels.") % {"limit": limit}
        super().__init__(detail, errors=[FieldError("/parent", self.code, detail)])


class CategoryCycle(Conflict, code="category_cycle"):
    """A category would be its own ancestor."""


class CategoryInUse(Conflict, code="category_in_use"):
    """A category with products or child categories cannot be deleted."""


class UnknownVariant(Invalid):
    """The input names a variant that the product does not have."""

    code = "unknown_variant"

    def __init__(self, variant_id: int, pointer: str) -> None:
        detail = _("The product has no variant %(id)s.") % {"id": variant_id}
        super().__init__(detail, errors=[FieldError(pointer, self.code, detail)])


class UnknownField(Invalid, code="unknown_field"):
    """`fields` names fields that do not exist; `errors` has each."""


class ImageNotFound(NotFound, code="image_not_found"):
    """The product has no image with this id."""


class RefusedImage(Invalid):
    """A picture that is not stored, with the detail that suits most cases."""

    default_detail: ClassVar[Any]

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or str(self.default_detail))


class ImageTooLarge(RefusedImage):
    """The file has more bytes than a picture may."""

    code = "image_too_large"
    default_detail = format_lazy(
        gettext_lazy("A picture has at most {max} MiB, and twice that when it is written anew."),
        max=MAX_IMAGE_BYTES // 1024**2,
    )


class ImageTypeUnsupported(RefusedImage):
    """The content is not a picture of a supported format, whatever its name says."""

    code = "image_type_unsupported"
    default_detail = gettext_lazy("A picture is a JPEG, PNG, WebP, GIF or AVIF; this is none of them.")


class ImagePolyglot(RefusedImage):
    """The content is a picture, and something else for another program."""

    code = "image_polyglot"
    default_detail = gettext_lazy("This is a picture and something else as well: a page, a program or an archive.")


class ImageTooManyPixels(RefusedImage):
    """Decoded, the picture would be too large."""

    code = "image_too_many_pixels"
    default_detail = format_lazy(
        gettext_lazy("A picture has at most {megapixels} megapixels and {side} pixels a side."),
        megapixels=MAX_IMAGE_PIXELS // 10**6,
        side=MAX_IMAGE_SIDE,
    )


class ImageUnreadable(RefusedImage):
    """The picture is damaged or incomplete."""

    code = "image_unreadable"
    default_detail = gettext_lazy("The picture is damaged or incomplete.")


class ImageTooCostly(RefusedImage):
    """Decoding the picture needs more memory or time than it may."""

    code = "image_too_costly"
    default_detail = gettext_lazy(
        "Decoding this picture needs more memory or time than it may; send a smaller or a simpler one."
    )


class ImageDecoderBusy(Unavailable, code="image_decoder_busy"):
    """Another picture is being decoded; nothing was written."""


class TooManyImages(Conflict, code="too_many_images"):
    """The product has the maximal number of images."""


class DirectUploadsUnavailable(Conflict, code="direct_uploads_unavailable"):
    """Files are stored on this machine, not in a bucket that accepts uploads."""


class UploadNotFound(NotFound, code="upload_not_found"):
    """The caller has no such upload."""


class UploadUsed(Conflict, code="upload_used"):
    """The upload has been used for an image already."""


class UploadExpired(Conflict, code="upload_expired"):
    """The upload was not used in time."""


class UploadMissing(Conflict, code="upload_missing"):
    """No file has been sent to the URL of the upload yet."""


class StorageUnavailable(Unavailable, code="storage_unavailable"):
    """The storage of files does not respond, or refuses to store."""
