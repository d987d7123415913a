"""Connections to a PMS, the webhooks received through them, and the values that the PMS last reported."""

from django.db import models
from django.db.models.functions import Now

from inventory.models import Location, StockLevel
from pms_backend.access.encryption import EncryptedTextField
from pms_backend.api.moments import moment_constraint
from products.models import Product
from products.skus import MAX_SKU_KEY_LENGTH

MAX_WEBHOOK_ID_LENGTH = 255
MAX_EXTERNAL_ID_LENGTH = 255
MAX_REASON_LENGTH = 1_000


class ConnectorKind(models.TextChoices):
    """The supported kinds of PMS; each is a module in `connectors`."""

    STANDARD = "standard"


class PMSConnection(models.Model):
    """A configured PMS."""

    slug = models.SlugField(unique=True, max_length=50)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=20, choices=ConnectorKind.choices, default=ConnectorKind.STANDARD)
    is_active = models.BooleanField(default=True)
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("slug",)
        verbose_name = "PMS connection"

    def __str__(self) -> str:
        return self.name

    @property
    def secrets(self) -> list[str]:
        """The secrets that may sign webhooks: the current one and the one before the last rotation."""
        return [secret for secret in (self.secret, self.previous_secret) if secret]


class PMSLocation(models.Model):
    """The name by which a connection calls a location, and whether the PMS owns the stock there."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.CASCADE, related_name="locations", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="pms_locations")
    external_name = models.CharField(max_length=255)
    owns_stock = models.BooleanField(default=False, help_text="Whether the PMS's figures are the truth here.")

    class Meta:
        verbose_name = "PMS location"
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_name"], name="pms_location_name_unique"),
            models.UniqueConstraint(fields=["connection", "location"], name="pms_location_mapped_once"),
            models.UniqueConstraint(
                fields=["location"], name="pms_location_one_owner", condition=models.Q(owns_stock=True)
            ),
        ]

    def __str__(self) -> str:
        return self.external_name


class PMSEventStatus(models.TextChoices):
    """received → processing → processed │ ignored │ deferred │ failed → dead."""

    RECEIVED = "received"
    PROCESSING = "processing"
    PROCESSED = "processed"
    IGNORED = "ignored"
    DEFERRED = "deferred"
    FAILED = "failed"
    DEAD = "dead"


class PMSEvent(models.Model):
    """A webhook of the PMS as it was received, and the outcome of applying it.

    The table is the queue: an event with a `due_at` is applied at that time.
    """

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="events", db_index=False)
    webhook_id = models.CharField(max_length=MAX_WEBHOOK_ID_LENGTH)
    type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField()
    # False once the body is pruned. The row stays, so that a repeated webhook is recognised.
    has_body = models.BooleanField(default=True, db_default=True, editable=False)
    status = models.CharField(
        max_length=10, choices=PMSEventStatus.choices, default=PMSEventStatus.RECEIVED, db_default="received"
    )
    reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, db_default="")
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    # Attempts that failed, without those that were deferred because the SKU is not known yet.
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Attempts whose worker died.
    crashes = models.PositiveSmallIntegerField(default=0, db_default=0)
    waits_for_sku_key = models.CharField(max_length=MAX_SKU_KEY_LENGTH, blank=True, db_default="")
    received_at = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_default=Now())

    class Meta:
        ordering = ("-id",)
        verbose_name = "PMS event"
        indexes = [
            models.Index(fields=["due_at", "id"], name="pms_event_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["status", "id"], name="pms_event_status"),
            models.Index(
                fields=["processed_at"],
                name="pms_event_with_body",
                condition=models.Q(has_body=True, status__in=["processed", "ignored"]),
            ),
            models.Index(fields=["waits_for_sku_key"], name="pms_event_waiting", condition=models.Q(status="deferred")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["connection", "webhook_id"], name="pms_event_once"),
            models.CheckConstraint(name="pms_event_status_known", condition=models.Q(status__in=PMSEventStatus.values)),
            models.CheckConstraint(
                name="pms_event_due_while_unfinished",
                condition=models.Q(status__in=["processed", "ignored", "dead"], due_at__isnull=True)
                | models.Q(status__in=["received", "processing", "deferred", "failed"], due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.webhook_id}"


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
    state = models.CharField(max_length=12, choices=PMSProductState.choices, default=PMSProductState.IN_SYNC)
    reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    payload = models.JSONField(default=dict)
    is_deleted = models.BooleanField(default=False)
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


class PMSStock(models.Model):
    """The quantity of a level that a PMS last reported."""

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="stock", db_index=False)
    level = models.ForeignKey(StockLevel, on_delete=models.PROTECT, related_name="pms_stock")
    on_hand = models.BigIntegerField()
    reported_at = models.DateTimeField()
    version = models.BigIntegerField(null=True)
    webhook_id = models.CharField(max_length=MAX_WEBHOOK_ID_LENGTH)

    class Meta:
        verbose_name = "PMS stock"
        verbose_name_plural = "PMS stock"
        constraints = [
            models.UniqueConstraint(fields=["connection", "level"], name="pms_stock_once"),
            moment_constraint("pms_integration_pmsstock", "reported_at"),
        ]

    def __str__(self) -> str:
        return f"{self.level}: {self.on_hand}"
