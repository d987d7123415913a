"""Products, with the expressions by which lists of them are sorted."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.functions import Coalesce, Length, Now
from django.utils.translation import gettext_lazy as _

from pms_backend.api.moments import moment_constraint
from products.models.categories import MAX_NAME_LENGTH, Category

# At least as large as Shopify's limits, so that every catalogue of a shop there fits.
MAX_DESCRIPTION_LENGTH = 512 * 1024
MAX_TAGS = 250
MAX_TAG_LENGTH = 100
MAX_VARIANTS = 2_048
MAX_OPTIONS = 10
MAX_OPTION_VALUES = MAX_VARIANTS
# The name of an option, and each of its values.
MAX_OPTION_LENGTH = 255
MAX_ATTRIBUTES_BYTES = 65_536
PRICE_DIGITS = 12
PRICE_DECIMALS = 2

# Products without a moment or a price come last in both directions: another value replaces the NULL in each, so that
# one index serves a whole order.
PUBLISHED_AT_UP: Final = Coalesce("published_at", models.Value(datetime(9999, 12, 31, tzinfo=UTC)))
PUBLISHED_AT_DOWN: Final = Coalesce("published_at", models.Value(datetime(1, 1, 1, tzinfo=UTC)))
PRICE_UP: Final = Coalesce("lowest_price", models.Value(Decimal(10) ** (PRICE_DIGITS - PRICE_DECIMALS)))
PRICE_DOWN: Final = Coalesce("lowest_price", models.Value(Decimal(-1)))

_IS_NFC: Final = models.Func(
    models.F("handle"), template="%(expressions)s IS NFC NORMALIZED", output_field=models.BooleanField()
)


class ProductStatus(models.TextChoices):
    """The states of a product."""

    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    ARCHIVED = "archived", _("Archived")


class ProductQuerySet(models.QuerySet["Product"]):
    """Products by their status."""

    def published(self) -> "ProductQuerySet":
        """Active products, which storefronts show."""
        return self.filter(status=ProductStatus.ACTIVE)

    def current(self) -> "ProductQuerySet":
        """Drafts and active products."""
        return self.exclude(status=ProductStatus.ARCHIVED)


class Product(models.Model):
    """Something that is sold, in one or more variants."""

    # Normalised by `products.handles.clean_handle`, so that equal handles conflict.
    handle = models.CharField(_("handle"), max_length=MAX_NAME_LENGTH, unique=True)
    name = models.CharField(_("name"), max_length=MAX_NAME_LENGTH)
    description = models.TextField(_("description"), blank=True, max_length=MAX_DESCRIPTION_LENGTH)
    brand = models.CharField(_("brand"), max_length=MAX_NAME_LENGTH, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=ProductStatus.choices, default=ProductStatus.DRAFT)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    publish_at = models.DateTimeField(_("publish at"), null=True, blank=True)
    unpublish_at = models.DateTimeField(_("unpublish at"), null=True, blank=True)
    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="products",
    )
    tags = ArrayField(models.CharField(max_length=MAX_TAG_LENGTH), verbose_name=_("tags"), default=list, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    options = models.JSONField(_("options"), default=list, blank=True)
    version = models.BigIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), db_default=Now(), editable=False)
    # Derived by `services.changes`: what a search reads, and the lowest price of a current variant.
    search_document = SearchVectorField(null=True, editable=False)
    lowest_price = models.DecimalField(
        max_digits=PRICE_DIGITS, decimal_places=PRICE_DECIMALS, null=True, editable=False
    )

    objects = ProductQuerySet.as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
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
            # No list of pending entries, which every search would scan and some write would have to merge.
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
            # PostgreSQL's lower case depends on its locale, so only `clean_handle` checks letters beyond ASCII.
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
