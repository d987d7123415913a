"""Sync runs: what is asked of a PMS as a whole, and what came of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH
from pms_integration.models.connections import MAX_EXTERNAL_ID_LENGTH, MAX_REASON_LENGTH, PMSConnection
from products.models import Product
from products.skus import MAX_SKU_LENGTH

MAX_FIELD_LENGTH = 500
ACTIVE_STATUSES = ("pending", "running", "held")


class SyncMode(models.TextChoices):
    """A full run lists everything, an incremental one what has changed since the last run."""

    FULL = "full"
    INCREMENTAL = "incremental"


class SyncResource(models.TextChoices):
    """What a run lists, in this order: stock needs the variants of products."""

    PRODUCTS = "products"
    STOCK = "stock"


class SyncStatus(models.TextChoices):
    """pending → running (→ held → running) → finished │ failed │ cancelled."""

    PENDING = "pending"
    RUNNING = "running"
    HELD = "held"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SyncStage(models.TextChoices):
    """What a run does: it lists all, checks what would be taken away, and only then applies."""

    LISTING = "listing"
    CHECKING = "checking"
    APPLYING = "applying"


class SyncAction(models.TextChoices):
    """What a run does about a difference."""

    TAKE_PMS = "take_pms", "Takes the PMS's value"
    PUSH_LOCAL = "push_local", "Pushes our value"
    CONFLICT = "conflict", "Conflict: changes nothing"
    LINK = "link", "Links the products"
    CREATE_HERE = "create_here", "Creates it here"
    CREATE_THERE = "create_there", "Creates it in the PMS"
    ARCHIVE = "archive", "Archives it here"
    AMBIGUOUS = "ambiguous", "Ambiguous: changes nothing"
    ONLY_HERE = "only_here", "Only here: changes nothing"
    NONE = "none", "Nothing: the stock is ours here"


class SyncRun(models.Model):
    """A run that asks a PMS for its products and stock.

    The table is the queue: a pending or running run with a `due_at` that has passed is free for any worker. While the
    run lists, `listing` is the resource of the next page and `cursor` that page's.
    """

    connection = models.ForeignKey(PMSConnection, on_delete=models.PROTECT, related_name="sync_runs", db_index=False)
    mode = models.CharField(max_length=11, choices=SyncMode.choices)
    resources = ArrayField(models.CharField(max_length=8, choices=SyncResource.choices))
    dry_run = models.BooleanField(default=False)
    status = models.CharField(max_length=9, choices=SyncStatus.choices, default=SyncStatus.PENDING)
    stage = models.CharField(max_length=8, choices=SyncStage.choices, default=SyncStage.LISTING)
    listing = models.CharField(max_length=8, blank=True)
    cursor = models.TextField(null=True)
    # Pages in a row on which everything was listed before.
    repeated_pages = models.PositiveSmallIntegerField(default=0)
    # The id of the last report that was applied.
    position = models.BigIntegerField(default=0)
    # By resource, the PMS's clock when the list began.
    watermarks = models.JSONField(default=dict)
    processed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    archived = models.PositiveIntegerField(default=0)
    held_because = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    is_confirmed = models.BooleanField(default=False)
    errors = models.JSONField(default=list)
    actor = models.CharField(max_length=MAX_ACTOR_LENGTH)
    request_id = models.CharField(max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    # The number of the last lease, which voids the lease before.
    claims = models.PositiveIntegerField(default=0)
    # Attempts in a row that did not advance, and calls in a row that failed.
    attempts = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    announced_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "sync run"
        indexes = [
            models.Index(fields=["connection", "id"], name="sync_run_of_connection"),
            models.Index(
                fields=["due_at", "id"], name="sync_run_due", condition=models.Q(status__in=["pending", "running"])
            ),
            models.Index(fields=["finished_at"], name="sync_run_ended", condition=models.Q(finished_at__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], name="sync_run_one_at_a_time", condition=models.Q(status__in=ACTIVE_STATUSES)
            ),
            models.CheckConstraint(name="sync_run_mode_known", condition=models.Q(mode__in=SyncMode.values)),
            models.CheckConstraint(name="sync_run_status_known", condition=models.Q(status__in=SyncStatus.values)),
            models.CheckConstraint(name="sync_run_stage_known", condition=models.Q(stage__in=SyncStage.values)),
            models.CheckConstraint(
                name="sync_run_resources_known",
                condition=models.Q(resources__contained_by=SyncResource.values) & ~models.Q(resources=[]),
            ),
            models.CheckConstraint(
                name="sync_run_finished_at_when_it_is",
                condition=models.Q(status__in=ACTIVE_STATUSES, finished_at__isnull=True)
                | models.Q(status__in=["finished", "failed", "cancelled"], finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="sync_run_held_says_why", condition=~models.Q(status="held") | ~models.Q(held_because="")
            ),
        ]

    def __str__(self) -> str:
        return f"Sync run {self.pk}"

    @property
    def is_over(self) -> bool:
        """Whether it has finished, failed, or was cancelled."""
        return self.status not in ACTIVE_STATUSES


class SyncReport(models.Model):
    """An entry of a list of the PMS that a run has to apply yet; of one resource with one `key` the last one stays.

    `received_at` is the PMS's clock at the answer, `pulled_at` ours.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="reports", db_index=False)
    resource = models.CharField(max_length=8, choices=SyncResource.choices)
    # The SHA-256 of what identifies the entry: the id of a product, or a variant and a location.
    key = models.CharField(max_length=64)
    report = models.JSONField()
    # Whether it may archive a product or take a level to zero.
    is_reduction = models.BooleanField(default=False)
    received_at = models.DateTimeField()
    pulled_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["run", "id"], name="sync_report_of_run")]
        constraints = [
            models.UniqueConstraint(fields=["run", "resource", "key"], name="sync_report_once"),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.key}"


class SyncDifference(models.Model):
    """A difference between the PMS and us that a run has found, and what it did about it, or would do."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="differences", db_index=False)
    resource = models.CharField(max_length=8, choices=SyncResource.choices)
    external_id = models.CharField(max_length=MAX_EXTERNAL_ID_LENGTH, blank=True)
    sku = models.CharField(max_length=MAX_SKU_LENGTH, blank=True)
    field = models.CharField(max_length=MAX_FIELD_LENGTH, blank=True)
    pms = models.JSONField(null=True)
    local = models.JSONField(null=True)
    action = models.CharField(max_length=12, choices=SyncAction.choices)
    detail = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    # The product of ours that is meant.
    product = models.ForeignKey(Product, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        ordering = ("id",)
        verbose_name = "difference"
        indexes = [models.Index(fields=["run", "id"], name="sync_difference_of_run")]
        constraints = [
            models.CheckConstraint(
                name="sync_difference_action_known", condition=models.Q(action__in=SyncAction.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.external_id} {self.field}"
