"""Connections to a PMS, what came in through them, and what the PMS last told us."""

from django.db import models
from django.db.models.functions import Now

from inventory.models import Location, StockLevel
from pms_backend.access.encryption import EncryptedTextField
from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH
from pms_backend.api.moments import moment_constraint
from pms_integration.files.problems import MAX_CODE_LENGTH, MAX_COLUMN_LENGTH, MAX_DETAIL_LENGTH
from pms_integration.files.storage import PrivateFileField
from products.models import Product
from products.skus import MAX_SKU_KEY_LENGTH

MAX_WEBHOOK_ID_LENGTH = 255
MAX_EXTERNAL_ID_LENGTH = 255
MAX_REASON_LENGTH = 1_000


class ConnectorKind(models.TextChoices):
    """The kinds of PMS we speak with; each is a module in `connectors`."""

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
        """Those that sign webhooks: the present one and, while it is rotated, the one before."""
        return [secret for secret in (self.secret, self.previous_secret) if secret]


class PMSLocation(models.Model):
    """A location as a connection knows it: by which name, and whether the PMS owns its stock."""

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
    """A webhook that the PMS sent, as it came in, and what became of it.

    The row is the queue: what has a `due_at` is to be done then.
    """

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="events", db_index=False)
    webhook_id = models.CharField(max_length=MAX_WEBHOOK_ID_LENGTH)
    type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField()
    # Whether it is kept still; the row itself stays, so that a webhook that is sent again is known.
    has_body = models.BooleanField(default=True, db_default=True, editable=False)
    status = models.CharField(
        max_length=10, choices=PMSEventStatus.choices, default=PMSEventStatus.RECEIVED, db_default="received"
    )
    reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, db_default="")
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    # Attempts that failed; those that found the SKU not known yet are none.
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Attempts that ended without a word: their worker died.
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
    """How a product of the PMS stands to ours."""

    IN_SYNC = "in_sync"
    PENDING_PUSH = "pending_push"
    CONFLICT = "conflict"
    ERROR = "error"


class PMSProduct(models.Model):
    """A product of the PMS and the one of ours that it is; it stays as a tombstone when the PMS deletes it."""

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
    """A level's figure as a PMS last told it."""

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


class ImportFormat(models.TextChoices):
    """The kinds of file that are read."""

    CSV = "csv", "CSV"
    JSON_LINES = "jsonl", "JSON Lines"


class ImportStatus(models.TextChoices):
    """pending → running → finished │ failed."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class ImportJob(models.Model):
    """A file of products on its way into the catalogue: how far it has come, and what came of it.

    `client` is the identity of the caller that made it (`access.caller.Caller.identity`), empty where none is known.
    The row is the queue: what is not finished is anybody's whose lease has run out. `offset` and `line` are where the
    next product of the file begins, written with the products before it.
    """

    format = models.CharField(max_length=5, choices=ImportFormat.choices)
    file = PrivateFileField(max_length=255, blank=True)
    file_name = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    location = models.ForeignKey(Location, null=True, on_delete=models.PROTECT, related_name="imports")
    # Whether whoever started it may set stock.
    sets_stock = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=ImportStatus.choices, default=ImportStatus.PENDING)
    processed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error_count = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    offset = models.BigIntegerField(default=0)
    line = models.PositiveIntegerField(default=1)
    actor = models.CharField(max_length=MAX_ACTOR_LENGTH)
    client = models.CharField(max_length=MAX_ACTOR_LENGTH, blank=True, default="", db_default="", editable=False)
    request_id = models.CharField(max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    # Each claim has a number, which voids the one before.
    claims = models.PositiveIntegerField(default=0)
    # Those in a row that have not come past the same place.
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "import"
        indexes = [
            models.Index(
                fields=["lease_until", "id"],
                name="import_job_due",
                condition=models.Q(status__in=["pending", "running"]),
            ),
            models.Index(fields=["finished_at"], name="import_job_with_file", condition=~models.Q(file="")),
        ]
        constraints = [
            models.CheckConstraint(name="import_job_status_known", condition=models.Q(status__in=ImportStatus.values)),
            models.CheckConstraint(name="import_job_format_known", condition=models.Q(format__in=ImportFormat.values)),
            models.CheckConstraint(
                name="import_job_finished_at_when_it_is",
                condition=models.Q(status__in=["pending", "running"], finished_at__isnull=True)
                | models.Q(status__in=["finished", "failed"], finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="import_job_failed_says_why", condition=~models.Q(status="failed") | ~models.Q(error="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.pk})"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in (ImportStatus.FINISHED, ImportStatus.FAILED)


class ImportProblem(models.Model):
    """What was wrong with a line of an import: an error, for which its product was left out, or a warning.

    The lines of that product are the bytes from `block_offset` to `block_end` of the file, of which the first is
    `block_line`.
    """

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="problems", db_index=False)
    is_warning = models.BooleanField(default=False)
    line = models.PositiveIntegerField()
    column = models.CharField(max_length=MAX_COLUMN_LENGTH, blank=True)
    code = models.CharField(max_length=MAX_CODE_LENGTH)
    detail = models.CharField(max_length=MAX_DETAIL_LENGTH)
    block_offset = models.BigIntegerField(default=0)
    block_end = models.BigIntegerField(default=0)
    block_line = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ("id",)
        verbose_name = "problem of an import"
        verbose_name_plural = "problems of imports"
        indexes = [models.Index(fields=["job", "is_warning", "id"], name="import_problem_of_job")]

    def __str__(self) -> str:
        return f"{self.line}: {self.detail}"
