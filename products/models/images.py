"""Images of products, their files, and direct uploads."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from products.models.products import Product

MAX_FILE_NAME_LENGTH = 255
MAX_URL_LENGTH = 2_048
MAX_ALT_LENGTH = 512
MAX_IDENTITY_LENGTH = 255
MAX_ERROR_LENGTH = 500


class ImageFile(models.Model):
    """The content of an image, stored once however many products show it."""

    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    file = models.FileField(max_length=MAX_FILE_NAME_LENGTH)
    thumbnail = models.FileField(max_length=MAX_FILE_NAME_LENGTH, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    thumbnail_attempts = models.PositiveIntegerField(default=0, editable=False)
    # When the next attempt at the thumbnail is due; NULL when it exists or was given up.
    thumbnail_due_at = models.DateTimeField(null=True, db_default=Now(), editable=False)
    # NULL while a product shows it.
    unused_since = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["thumbnail_due_at"],
                name="products_imagefile_no_thumb",
                condition=models.Q(thumbnail_due_at__isnull=False),
            ),
            models.Index(
                fields=["unused_since"],
                name="products_imagefile_unused",
                condition=models.Q(unused_since__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(name="products_imagefile_has_a_file", condition=~models.Q(file="")),
            models.CheckConstraint(name="products_imagefile_has_pixels", condition=models.Q(width__gt=0, height__gt=0)),
        ]

    def __str__(self) -> str:
        return self.sha256


class ImageStatus(models.TextChoices):
    """The states of an image; one that is given as a URL begins as pending."""

    PENDING = "pending", _("Pending")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class ProductImage(models.Model):
    """An image of a product: its content, or the URL from which the content is fetched."""

    product = models.ForeignKey(Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="images")
    image_file = models.ForeignKey(ImageFile, null=True, blank=True, on_delete=models.PROTECT, related_name="uses")
    source_url = models.CharField(max_length=MAX_URL_LENGTH, blank=True)
    alt = models.CharField(_("alt text"), max_length=MAX_ALT_LENGTH, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0)
    status = models.CharField(_("status"), max_length=10, choices=ImageStatus.choices, default=ImageStatus.READY)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_attempt_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The end of the lease under which a worker fetches it.
    claimed_until = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=MAX_ERROR_LENGTH, blank=True, editable=False)
    # The actor that keeps it in a list of its own, such as `pms:demo`: it goes when that list no longer has it.
    listed_by = models.CharField(max_length=MAX_IDENTITY_LENGTH, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering = ("product", "position", "id")
        indexes = [
            models.Index(
                models.F("next_attempt_at").asc(nulls_first=True),
                "id",
                name="products_image_to_fetch",
                condition=models.Q(status=ImageStatus.PENDING),
            ),
            models.Index(
                fields=["claimed_until"],
                name="products_image_claimed",
                condition=models.Q(claimed_until__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="products_productimage_ready_with_content",
                condition=models.Q(status=ImageStatus.READY, image_file__isnull=False)
                | models.Q(status__in=[ImageStatus.PENDING, ImageStatus.FAILED], image_file__isnull=True),
            ),
            models.CheckConstraint(
                name="products_productimage_has_a_source",
                condition=models.Q(image_file__isnull=False) | ~models.Q(source_url=""),
            ),
            models.UniqueConstraint(
                fields=["product", "source_url"],
                name="products_productimage_url_once",
                condition=~models.Q(source_url=""),
            ),
            models.UniqueConstraint(
                fields=["product", "image_file"],
                name="products_productimage_upload_once",
                condition=models.Q(source_url=""),
            ),
        ]

    def __str__(self) -> str:
        return self.alt or gettext("Image %(number)s") % {"number": self.pk}


class ImageUpload(models.Model):
    """A direct upload: a caller sends one file to the bucket, then adds it to a product by `public_id`."""

    public_id = models.CharField(max_length=32, unique=True, editable=False)
    # `Caller.identity` of the caller that created it; no other may use it.
    identity = models.CharField(max_length=MAX_IDENTITY_LENGTH, editable=False)
    name = models.CharField(max_length=MAX_FILE_NAME_LENGTH, editable=False)
    size_bytes = models.PositiveIntegerField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    used_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="products_upload_expires")]

    def __str__(self) -> str:
        return self.public_id
