"""Connections to a PMS, and the values that the PMS last reported."""

import orjson
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from inventory.models import Location
from pms_backend.access.encryption import EncryptedTextField
from pms_backend.api.moments import moment_constraint
from pms_backend.outbound.circuit import Circuit, CircuitStatus
from pms_integration.connectors.contract import MAX_WEBHOOK_ID_LENGTH, Resource
from products.models import Product, Variant

MAX_EXTERNAL_ID_LENGTH = 255
MAX_REASON_LENGTH = 1_000
MAX_KIND_LENGTH = 50
MAX_BASE_URL_LENGTH = 1_000
MIN_SYNC_SECONDS = 60
STANDARD = "standard"


class FieldGroupOwner(models.TextChoices):
    """Whose values of a group of a product's fields hold; those of a shared group are merged."""

    PMS = "pms"
    LOCAL = "local"
    SHARED = "shared"


class StockOwner(models.TextChoices):
    """Whose quantities hold at a location."""

    PMS = "pms"
    LOCAL = "local"


# A group is `content`, `price` or `publication`.
FIELD_GROUPS = ("content", "price", "publication")


class PMSConnectionQuerySet(models.QuerySet["PMSConnection"]):
    """Queries of connections."""

    def unreachable(self) -> "PMSConnectionQuerySet":
        """Active connections whose circuit is not closed."""
        return self._called().exclude(circuit=CircuitStatus.CLOSED.value)

    def last_call_failed(self) -> "PMSConnectionQuerySet":
        """Active connections whose last call failed or was refused, while the circuit is closed."""
        return self._called().filter(circuit=CircuitStatus.CLOSED.value).exclude(last_error="")

    def _called(self) -> "PMSConnectionQuerySet":
        return self.filter(is_active=True, base_url__isnull=False)


class PMSConnection(models.Model):
    """A configured PMS. `kind` is a key of `connectors.CONNECTORS`; without a `base_url` the PMS is not called.

    `circuit`, `failures` and `next_try_at` are the circuit breaker's (`pms_backend/outbound/circuit.py`). While
    `is_paused`, nothing is pushed.
    """

    slug = models.SlugField(unique=True, max_length=50)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=MAX_KIND_LENGTH, default=STANDARD)
    is_active = models.BooleanField(default=True)
    is_paused = models.BooleanField(default=False, db_default=False)
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(null=True, blank=True)
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    base_url = models.CharField("base URL", max_length=MAX_BASE_URL_LENGTH, null=True, blank=True)
    # A JSON object of texts.
    credentials = EncryptedTextField(null=True, blank=True)
    circuit = models.CharField(
        max_length=9,
        choices=[(status.value, status.value) for status in CircuitStatus],
        default=CircuitStatus.CLOSED.value,
        db_default=CircuitStatus.CLOSED.value,
        editable=False,
    )
    failures = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    next_try_at = models.DateTimeField(null=True, editable=False)
    last_contact_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, db_default="", editable=False)
    sync_every_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(MIN_SYNC_SECONDS)]
    )
    content_owner = models.CharField(
        max_length=6, choices=FieldGroupOwner.choices, default=FieldGroupOwner.PMS, db_default="pms", editable=False
    )
    price_owner = models.CharField(
        max_length=6, choices=FieldGroupOwner.choices, default=FieldGroupOwner.PMS, db_default="pms", editable=False
    )
    publication_owner = models.CharField(
        max_length=6, choices=FieldGroupOwner.choices, default=FieldGroupOwner.PMS, db_default="pms", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PMSConnectionQuerySet.as_manager()

    class Meta:
        ordering = ("slug",)
        verbose_name = "PMS connection"
        constraints = [
            models.CheckConstraint(
                name="pms_connection_circuit_known",
                condition=models.Q(circuit__in=[status.value for status in CircuitStatus]),
            ),
            models.CheckConstraint(
                name="pms_connection_open_until_a_moment",
                condition=models.Q(circuit=CircuitStatus.CLOSED.value) | models.Q(next_try_at__isnull=False),
            ),
            models.CheckConstraint(
                name="pms_connection_previous_secret_ends",
                condition=models.Q(previous_secret__isnull=True, previous_secret_until__isnull=True)
                | models.Q(previous_secret__isnull=False, previous_secret_until__isnull=False),
            ),
            models.CheckConstraint(
                name="pms_connection_owners_known",
                condition=models.Q(
                    content_owner__in=FieldGroupOwner.values,
                    price_owner__in=FieldGroupOwner.values,
                    publication_owner__in=FieldGroupOwner.values,
                ),
            ),
            models.CheckConstraint(
                name="pms_connection_sync_interval",
                condition=models.Q(sync_every_seconds__isnull=True)
                | models.Q(sync_every_seconds__gte=MIN_SYNC_SECONDS),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_called(self) -> bool:
        """Whether the PMS is called; otherwise it only sends webhooks, or is switched off."""
        return self.is_active and self.base_url is not None

    @property
    def previous_is_valid(self) -> bool:
        """Whether the secret before the last rotation may still sign webhooks."""
        return self.previous_secret_until is not None and timezone.now() < self.previous_secret_until

    @property
    def credential_values(self) -> dict[str, str]:
        """The credentials by their names."""
        return orjson.loads(self.credentials) if self.credentials else {}

    @property
    def ownership(self) -> dict[str, str]:
        """Who owns each group of a product's fields."""
        return {group: getattr(self, f"{group}_owner") for group in FIELD_GROUPS}

    @property
    def circuit_state(self) -> Circuit:
        """The state of the circuit breaker."""
        return Circuit(CircuitStatus(self.circuit), self.failures, self.next_try_at)


class PMSLocation(models.Model):
    """A location of ours and its id in the PMS, and whether the PMS owns the stock there."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.CASCADE, related_name="locations", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="pms_locations")
    external_id = models.CharField("external id", max_length=MAX_EXTERNAL_ID_LENGTH)
    owns_stock = models.BooleanField(default=False, help_text="Whether the PMS's figures are the truth here.")

    class Meta:
        verbose_name = "PMS location"
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="pms_location_external_id_unique"),
            models.UniqueConstraint(fields=["connection", "location"], name="pms_location_mapped_once"),
            models.UniqueConstraint(
                fields=["location"], name="pms_location_one_owner", condition=models.Q(owns_stock=True)
            ),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def location_code(self) -> str:
        """Our code of the location."""
        return self.location.code


class PMSProductState(models.TextChoices):
    """The state of the link between a product of the PMS and ours."""

    IN_SYNC = "in_sync"
    PENDING_PUSH = "pending_push"
    CONFLICT = "conflict"
    ERROR = "error"


class PMSProduct(models.Model):
    """A product of the PMS and the product of ours that it is linked to; it stays when the PMS deletes it."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="products", db_index=False)
    external_id = models.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    product = models.ForeignKey(Product, null=True, on_delete=models.PROTECT, related_name="pms_products")
    version = models.BigIntegerField(null=True)
    # The SHA-256 of the content at `version`, in hexadecimal, by which a repeated report is known.
    digest = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=12, choices=PMSProductState.choices, default=PMSProductState.IN_SYNC)
    reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    payload = models.JSONField(default=dict)
    is_deleted = models.BooleanField(default=False)
    # Complete lists in a row in which it was missing.
    missed_lists = models.PositiveSmallIntegerField(default=0, db_default=0)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-id",)
        verbose_name = "PMS product"
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="pms_product_once"),
            models.UniqueConstraint(
                fields=["connection", "product"],
                name="pms_product_of_one_product",
                condition=models.Q(product__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class PMSVariant(models.Model):
    """A variant of the PMS and ours: `external_id` is the PMS's id of it, `other_ids` are more by which it names it."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="variants", db_index=False)
    external_id = models.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    other_ids = ArrayField(models.CharField(max_length=MAX_EXTERNAL_ID_LENGTH), default=list)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="pms_variants")

    class Meta:
        ordering = ("-id",)
        verbose_name = "PMS variant"
        indexes = [GinIndex(fields=["other_ids"], name="pms_variant_other_ids")]
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="pms_variant_once"),
        ]

    def __str__(self) -> str:
        return self.external_id


class PMSRefetch(models.Model):
    """A resource of the PMS that has to be asked for, because a webhook did not say how it has changed."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="refetches", db_index=False)
    resource = models.CharField(max_length=20, choices=[(resource.value, resource.value) for resource in Resource])
    external_id = models.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    requested_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    # The end of the lease of the worker that asks for it. Of each connection, one worker at a time has leases.
    leased_until = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Whether the PMS gets what its figures differ by where we own the stock.
    corrects = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ("id",)
        verbose_name = "PMS refetch"
        verbose_name_plural = "PMS refetches"
        indexes = [
            models.Index(fields=["connection", "due_at", "id"], name="pms_refetch_due"),
            models.Index(
                fields=["connection"], name="pms_refetch_leased", condition=models.Q(leased_until__isnull=False)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["connection", "resource", "external_id"], name="pms_refetch_once"),
            models.CheckConstraint(
                name="pms_refetch_resource_known",
                condition=models.Q(resource__in=[resource.value for resource in Resource]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.external_id}"


class PMSStock(models.Model):
    """The quantity that a PMS last reported of a variant at a location, even one where we have no level.

    It came with a webhook, or it was asked for and came at `pulled_at`.
    """

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="stock", db_index=False)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="pms_stock")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="pms_stock")
    on_hand = models.BigIntegerField()
    reported_at = models.DateTimeField()
    version = models.BigIntegerField(null=True)
    webhook_id = models.CharField(max_length=MAX_WEBHOOK_ID_LENGTH, blank=True, db_default="")
    pulled_at = models.DateTimeField(null=True)
    # When the PMS told of it first.
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # The moment of the latest figure that was not later than the level's latest count, where the one above is later.
    before_count_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "PMS stock"
        verbose_name_plural = "PMS stock"
        constraints = [
            models.UniqueConstraint(fields=["connection", "variant", "location"], name="pms_stock_once"),
            moment_constraint("pms_integration_pmsstock", "reported_at"),
            models.CheckConstraint(
                name="pms_stock_of_a_webhook_or_pulled",
                condition=models.Q(pulled_at__isnull=False, webhook_id="")
                | (models.Q(pulled_at__isnull=True) & ~models.Q(webhook_id="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.variant} at {self.location}: {self.on_hand}"
