"""Sync runs: what is asked of a PMS as a whole, and what came of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH, Door
from pms_integration.models.connections import MAX_EXTERNAL_ID_LENGTH, MAX_REASON_LENGTH, PMSConnection
from products.models import Product
from products.skus import MAX_SKU_LENGTH

MAX_FIELD_LENGTH = 500
ACTIVE_STATUSES = ("pending", "running", "held")


class SyncMode(models.TextChoices):
    """A full run lists everything, an incremental one what has changed since the last run."""

    FULL = "full", _("Full")
    INCREMENTAL = "incremental", _("Incremental")


class SyncResource(models.TextChoices):
    """What a run lists, in this order: stock needs the variants of products."""

    PRODUCTS = "products", _("Products")
    STOCK = "stock", _("Stock")


class SyncStatus(models.TextChoices):
    """pending → running (→ held → running) → finished │ failed │ cancelled."""

    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    HELD = "held", _("Held")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class SyncStage(models.TextChoices):
    """What a run does: it lists all, checks what would be taken away, and only then applies."""

    LISTING = "listing", _("Listing")
    CHECKING = "checking", _("Checking")
    APPLYING = "applying", _("Applying")


class SyncAction(models.TextChoices):
    """What a run does about a difference."""

    TAKE_PMS = "take_pms", _("Takes the PMS's value")
    PUSH_LOCAL = "push_local", _("Pushes our value")
    CONFLICT = "conflict", _("Conflict: changes nothing")
    LINK = "link", _("Links the products")
    CREATE_HERE = "create_here", _("Creates it here")
    CREATE_THERE = "create_there", _("Creates it in the PMS")
    ARCHIVE = "archive", _("Archives it here")
    AMBIGUOUS = "ambiguous", _("Ambiguous: changes nothing")
    ONLY_HERE = "only_here", _("Only here: changes nothing")
    NONE = "none", _("Nothing: the stock is ours here")


class SyncRun(models.Model):
    """A run that asks a PMS for its products and stock.

    The table is the queue: a pending or running run with a `due_at` that has passed is free for any worker. While the
    run lists, `listing` is the resource of the next page and `cursor` that page's.
    """

    connection = models.ForeignKey(
        PMSConnection, on_delete=models.PROTECT, related_name="sync_runs", db_index=False, verbose_name=_("connection")
    )
    mode = models.CharField(max_length=11, choices=SyncMode.choices)
    resources = ArrayField(models.CharField(max_length=8, choices=SyncResource.choices))
    dry_run = models.BooleanField(_("dry run"), default=False)
    status = models.CharField(_("status"), max_length=9, choices=SyncStatus.choices, default=SyncStatus.PENDING)
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
    created = models.PositiveIntegerField(_("created"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    archived = models.PositiveIntegerField(_("archived"), default=0)
    held_because = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    is_confirmed = models.BooleanField(default=False)
    errors = models.JSONField(default=list)
    actor = models.CharField(_("actor"), max_length=MAX_ACTOR_LENGTH)
    # The one by which it was started.
    door = models.CharField(max_length=10, choices=Door.choices, default=Door.SYSTEM)
    request_id = models.CharField(_("request id"), max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    # The number of the last lease, which voids the lease before.
    claims = models.PositiveIntegerField(default=0)
    # Attempts in a row that did not advance, and calls in a row that failed.
    attempts = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    announced_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
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
            models.CheckConstraint(name="sync_run_door_known", condition=models.Q(door__in=Door.values)),
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

    run = models.ForeignKey(
        SyncRun, on_delete=models.CASCADE, related_name="differences", db_index=False, verbose_name=_("run")
    )
    resource = models.CharField(_("resource"), max_length=8, choices=SyncResource.choices)
    external_id = models.CharField(_("external id"), max_length=MAX_EXTERNAL_ID_LENGTH, blank=True)
    sku = models.CharField(max_length=MAX_SKU_LENGTH, blank=True)
    field = models.CharField(max_length=MAX_FIELD_LENGTH, blank=True)
    pms = models.JSONField(null=True)
    local = models.JSONField(null=True)
    action = models.CharField(_("action"), max_length=12, choices=SyncAction.choices)
    detail = models.CharField(_("detail"), max_length=MAX_REASON_LENGTH, blank=True)
    # The product of ours that is meant.
    product = models.ForeignKey(
        Product, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("product")
    )

    class Meta:
        ordering = ("id",)
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        indexes = [models.Index(fields=["run", "id"], name="sync_difference_of_run")]
        constraints = [
            models.CheckConstraint(
                name="sync_difference_action_known", condition=models.Q(action__in=SyncAction.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.external_id} {self.field}"
