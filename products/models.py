"""Products, their variants, and the categories they stand in."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now

from products.skus import MAX_SKU_KEY_LENGTH, MAX_SKU_LENGTH

MAX_NAME_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 65_535
MAX_TAGS = 250
MAX_TAG_LENGTH = 100
MAX_VARIANTS = 250
MAX_ATTRIBUTES_BYTES = 65_536
MAX_FILE_NAME_LENGTH = 255
MAX_URL_LENGTH = 2_048
MAX_ALT_LENGTH = 512
MAX_IDENTITY_LENGTH = 255
MAX_ERROR_LENGTH = 500
PRICE_DIGITS = 12
PRICE_DECIMALS = 2


class ProductStatus(models.TextChoices):
    """Where a product is in its life."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class Category(models.Model):
    """A place in the tree that products are sorted into."""

    name = models.CharField(max_length=MAX_NAME_LENGTH)
    slug = models.SlugField(max_length=MAX_NAME_LENGTH, unique=True, allow_unicode=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "categories"
        constraints = [
            models.CheckConstraint(
                name="products_category_not_its_own_parent", condition=~models.Q(parent=models.F("id"))
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProductQuerySet(models.QuerySet["Product"]):
    """Products by what may be seen of them."""

    def published(self) -> "ProductQuerySet":
        """What a shop shows."""
        return self.filter(status=ProductStatus.ACTIVE)

    def current(self) -> "ProductQuerySet":
        """Drafts and active ones."""
        return self.exclude(status=ProductStatus.ARCHIVED)


class Product(models.Model):
    """Something that is sold, in one or more variants."""

    handle = models.SlugField(max_length=MAX_NAME_LENGTH, unique=True, allow_unicode=True)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    description = models.TextField(blank=True, max_length=MAX_DESCRIPTION_LENGTH)
    brand = models.CharField(max_length=MAX_NAME_LENGTH, blank=True)
    status = models.CharField(max_length=10, choices=ProductStatus.choices, default=ProductStatus.DRAFT)
    published_at = models.DateTimeField(null=True, blank=True)
    publish_at = models.DateTimeField(null=True, blank=True)
    unpublish_at = models.DateTimeField(null=True, blank=True)
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.PROTECT, related_name="products")
    tags = ArrayField(models.CharField(max_length=MAX_TAG_LENGTH), default=list, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    options = models.JSONField(default=list, blank=True)
    version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["status", "id"], name="products_product_status"),
            models.Index(fields=["updated_at"], name="products_product_updated"),
            models.Index(fields=["brand"], name="products_product_brand"),
            GinIndex(fields=["tags"], name="products_product_tags"),
        ]
        constraints = [
            models.CheckConstraint(name="products_product_has_a_name", condition=~models.Q(name="")),
            models.CheckConstraint(
                name="products_product_status_known", condition=models.Q(status__in=ProductStatus.values)
            ),
            models.CheckConstraint(
                name="products_product_published_at_when_active",
                condition=~models.Q(status=ProductStatus.ACTIVE) | models.Q(published_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One form of a product that can be counted and sold: it has the SKU, the price and the stock."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="variants")
    sku = models.CharField("SKU", max_length=MAX_SKU_LENGTH)
    sku_key = models.CharField(max_length=MAX_SKU_KEY_LENGTH, editable=False)
    barcode = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=MAX_NAME_LENGTH, blank=True)
    price = models.DecimalField(
        max_digits=PRICE_DIGITS,
        decimal_places=PRICE_DECIMALS,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
    )
    currency = models.CharField(max_length=3)
    compare_at_price = models.DecimalField(
        max_digits=PRICE_DIGITS, decimal_places=PRICE_DECIMALS, null=True, blank=True
    )
    cost = models.DecimalField(max_digits=PRICE_DIGITS, decimal_places=PRICE_DECIMALS, null=True, blank=True)
    weight_grams = models.PositiveIntegerField(null=True, blank=True)
    options = models.JSONField(default=dict, blank=True)
    position = models.PositiveIntegerField(default=0)
    is_archived = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("product", "position", "id")
        indexes = [models.Index(fields=["barcode"], name="products_variant_barcode")]
        constraints = [
            models.UniqueConstraint(fields=["sku_key"], name="products_variant_sku_key_unique"),
            models.CheckConstraint(name="products_variant_has_a_sku", condition=~models.Q(sku="")),
            models.CheckConstraint(
                name="products_variant_price_not_negative",
                condition=models.Q(price__isnull=True) | models.Q(price__gte=0),
            ),
            models.CheckConstraint(
                name="products_variant_currency_is_iso_4217", condition=models.Q(currency__regex=r"^[A-Z]{3}$")
            ),
        ]

    def __str__(self) -> str:
        return self.sku


class ImageFile(models.Model):
    """The content of a picture, kept once however many products show it."""

    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    file = models.FileField(max_length=MAX_FILE_NAME_LENGTH)
    thumbnail = models.FileField(max_length=MAX_FILE_NAME_LENGTH, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    thumbnail_attempts = models.PositiveIntegerField(default=0, editable=False)
    # When its thumbnail may be tried next; nothing where it is there, or given up.
    thumbnail_due_at = models.DateTimeField(null=True, db_default=Now(), editable=False)
    # Since when no product shows it.
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
    """How far a picture that was given as a URL is."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class ProductImage(models.Model):
    """A picture of a product: its content, or the URL from which that is still to be fetched."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="images")
    image_file = models.ForeignKey(ImageFile, null=True, blank=True, on_delete=models.PROTECT, related_name="uses")
    source_url = models.CharField(max_length=MAX_URL_LENGTH, blank=True)
    alt = models.CharField(max_length=MAX_ALT_LENGTH, blank=True)
    position = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=10, choices=ImageStatus.choices, default=ImageStatus.READY)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_attempt_at = models.DateTimeField(null=True, blank=True, editable=False)
    # While it is being fetched: until then nobody else begins to.
    claimed_until = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=MAX_ERROR_LENGTH, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
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
        return self.alt or f"Image {self.pk}"


class ImageUpload(models.Model):
    """A picture that a caller may send to the bucket by itself, once, and then name here."""

    public_id = models.CharField(max_length=32, unique=True, editable=False)
    # Whoever asked for it, as `Caller.identity`; nobody else may use it.
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
