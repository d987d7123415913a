"""Products, their variants, and the categories they stand in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Collate, Length, Lower, Now

from pms_backend.api.moments import moment_constraint
from products.barcodes import validate_barcode
from products.skus import MAX_SKU_KEY_LENGTH, MAX_SKU_LENGTH

MAX_NAME_LENGTH = 255
# At least Shopify's bounds: what a shop there has, a catalogue here can hold.
MAX_DESCRIPTION_LENGTH = 512 * 1024
MAX_TAGS = 250
MAX_TAG_LENGTH = 100
MAX_VARIANTS = 2_048
MAX_BARCODE_LENGTH = 100
MAX_OPTIONS = 10
MAX_OPTION_VALUES = MAX_VARIANTS
# Of an option's name, and of a value of it.
MAX_OPTION_LENGTH = 255
# How many categories stand above one another, its own counted.
MAX_CATEGORY_DEPTH = 10
MAX_ATTRIBUTES_BYTES = 65_536
MAX_FILE_NAME_LENGTH = 255
MAX_URL_LENGTH = 2_048
MAX_ALT_LENGTH = 512
MAX_IDENTITY_LENGTH = 255
MAX_ERROR_LENGTH = 500
PRICE_DIGITS = 12
PRICE_DECIMALS = 2

# What has no moment, or no price, comes last in either direction: these stand for nothing in what is sorted by, so that
# one index serves a whole order. The pairs are (before everything, behind everything).
NO_MOMENT: Final = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
NO_PRICE: Final = (Decimal(-1), Decimal(10) ** (PRICE_DIGITS - PRICE_DECIMALS))
PUBLISHED_AT_UP: Final = Coalesce("published_at", models.Value(NO_MOMENT[1]))
PUBLISHED_AT_DOWN: Final = Coalesce("published_at", models.Value(NO_MOMENT[0]))
PRICE_UP: Final = Coalesce("lowest_price", models.Value(NO_PRICE[1]))
PRICE_DOWN: Final = Coalesce("lowest_price", models.Value(NO_PRICE[0]))


_IS_NFC: Final = models.Func(
    models.F("handle"), template="%(expressions)s IS NFC NORMALIZED", output_field=models.BooleanField()
)


class ProductStatus(models.TextChoices):
    """Where a product is in its life."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class CategoryQuerySet(models.QuerySet["Category"]):
    """Categories with where they stand."""

    def with_path(self) -> "CategoryQuerySet":
        """With `path`, the slugs from the root down to their own, in the same statement."""
        path = RawSQL(_PATH_OF_CATEGORY, [], output_field=ArrayField(models.TextField()))  # noqa: S611 - constant text
        return self.select_related("parent").annotate(path=path)


_PATH_OF_CATEGORY = """
(WITH RECURSIVE up(slug, parent_id, height) AS (
    SELECT products_category.slug, products_category.parent_id, 0
    UNION ALL
    SELECT above.slug, above.parent_id, up.height + 1
    FROM up JOIN products_category AS above ON above.id = up.parent_id
)
SELECT array_agg(slug::text ORDER BY height DESC) FROM up)
"""


class Category(models.Model):
    """A place in the tree that products are sorted into."""

    name = models.CharField(max_length=MAX_NAME_LENGTH)
    slug = models.SlugField(max_length=MAX_NAME_LENGTH, unique=True, allow_unicode=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")

    objects = CategoryQuerySet.as_manager()

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

    # As `products.handles.clean_handle` writes it, so that it is unique as normalised.
    handle = models.CharField(max_length=MAX_NAME_LENGTH, unique=True)
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
    # For readers, by `services.reading`: what a search looks into, and the lowest price of a current variant.
    search_document = SearchVectorField(null=True, editable=False)
    lowest_price = models.DecimalField(
        max_digits=PRICE_DIGITS, decimal_places=PRICE_DECIMALS, null=True, editable=False
    )

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["status", "id"], name="products_product_status"),
            models.Index(fields=["brand", "id"], name="products_product_of_brand"),
            GinIndex(fields=["tags"], name="products_product_tags"),
            models.Index(
                fields=["publish_at"], name="products_product_to_publish", condition=models.Q(publish_at__isnull=False)
            ),
            models.Index(
                fields=["unpublish_at"],
                name="products_product_to_unpublish",
                condition=models.Q(unpublish_at__isnull=False),
            ),
            # Without a list of what is pending, which every search would read through and some write has to clear.
            GinIndex(fields=["search_document"], name="products_product_search", fastupdate=False),
            models.Index(fields=["name", "id"], name="products_product_by_name"),
            models.Index(fields=["updated_at", "id"], name="products_product_by_updated"),
            models.Index(fields=["created_at", "id"], name="products_product_by_created"),
            models.Index(PUBLISHED_AT_UP, "id", name="products_product_published_up"),
            models.Index(PUBLISHED_AT_DOWN, "id", name="products_product_published_dn"),
            models.Index(PRICE_UP, "id", name="products_product_price_up"),
            models.Index(PRICE_DOWN, "id", name="products_product_price_down"),
        ]
        constraints = [
            models.CheckConstraint(name="products_product_has_a_name", condition=~models.Q(name="")),
            # PostgreSQL's lower case depends on its locale: that of other letters is left to `clean_handle`.
            models.CheckConstraint(
                name="products_product_normal_handle",
                condition=models.Q(handle__regex=r"^[^\sA-Z/]+$") & models.Q(_IS_NFC),
            ),
            models.CheckConstraint(
                name="products_product_description_not_too_long",
                condition=models.lookups.LessThanOrEqual(Length("description"), MAX_DESCRIPTION_LENGTH),
            ),
            models.CheckConstraint(
                name="products_product_status_known", condition=models.Q(status__in=ProductStatus.values)
            ),
            models.CheckConstraint(
                name="products_product_published_at_when_active",
                condition=~models.Q(status=ProductStatus.ACTIVE) | models.Q(published_at__isnull=False),
            ),
            models.CheckConstraint(
                name="products_product_publish_at_of_a_draft",
                condition=models.Q(publish_at__isnull=True) | models.Q(status=ProductStatus.DRAFT),
            ),
            models.CheckConstraint(
                name="products_product_unpublish_at_of_what_is_published",
                condition=models.Q(unpublish_at__isnull=True)
                | models.Q(status=ProductStatus.ACTIVE)
                | models.Q(publish_at__isnull=False, publish_at__lt=models.F("unpublish_at")),
            ),
            moment_constraint("products_product", "publish_at"),
            moment_constraint("products_product", "unpublish_at"),
        ]

    def __str__(self) -> str:
        return self.name


class BarcodeField(models.CharField):  # type: ignore[type-arg]  # it takes none at run time
    """A barcode; one that has the length of a GTIN is checked."""

    default_validators = [validate_barcode]

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """A migration describes the column, which is text, and imports no code of ours."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.CharField", arguments, options


class Variant(models.Model):
    """One form of a product that can be counted and sold: it has the SKU, the price and the stock."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="variants")
    sku = models.CharField("SKU", max_length=MAX_SKU_LENGTH)
    sku_key = models.CharField(max_length=MAX_SKU_KEY_LENGTH, editable=False)
    barcode = BarcodeField(max_length=MAX_BARCODE_LENGTH, blank=True)
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
        max_digits=PRICE_DIGITS,
        decimal_places=PRICE_DECIMALS,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
    )
    cost = models.DecimalField(
        max_digits=PRICE_DIGITS,
        decimal_places=PRICE_DECIMALS,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
    )
    weight_grams = models.PositiveIntegerField(null=True, blank=True)
    options = models.JSONField(default=dict, blank=True)
    position = models.PositiveIntegerField(default=0)
    is_archived = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("product", "position", "id")
        indexes = [
            models.Index(fields=["barcode"], name="products_variant_barcode"),
            models.Index(fields=["updated_at", "id"], name="products_variant_by_updated"),
        ]
        constraints = [
            # Checked at the end of each statement, so that one statement may swap SKUs between variants.
            models.UniqueConstraint(
                fields=["sku_key"], name="products_variant_sku_key_unique", deferrable=models.Deferrable.IMMEDIATE
            ),
            models.CheckConstraint(
                name="products_variant_has_a_sku", condition=~models.Q(sku="") & ~models.Q(sku_key="")
            ),
            # PostgreSQL 15 folds no case as Unicode does, so that other keys are for `skus.sku_key` alone to make.
            models.CheckConstraint(
                name="products_variant_sku_key_of_ascii",
                condition=models.Q(sku__regex="[^ -~]") | models.Q(sku_key=Lower(Collate("sku", "C"))),
            ),
            models.CheckConstraint(
                name="products_variant_price_not_negative",
                condition=models.Q(price__isnull=True) | models.Q(price__gte=0),
            ),
            models.CheckConstraint(
                name="products_variant_compare_at_price_not_negative",
                condition=models.Q(compare_at_price__isnull=True) | models.Q(compare_at_price__gte=0),
            ),
            models.CheckConstraint(
                name="products_variant_cost_not_negative",
                condition=models.Q(cost__isnull=True) | models.Q(cost__gte=0),
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
