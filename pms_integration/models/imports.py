"""Imports of product files, their previews, and what they found and did."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from inventory.models import Location
from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH
from pms_integration.files.storage import PrivateFileField
from pms_integration.models.connections import MAX_REASON_LENGTH
from products.models import MAX_NAME_LENGTH, Product
from products.skus import MAX_SKU_LENGTH

MAX_COLUMN_LENGTH = 100
MAX_CODE_LENGTH = 50
MAX_DETAIL_LENGTH = 500


class ImportFormat(models.TextChoices):
    """The supported file formats."""

    CSV = "csv", _("CSV")
    JSON_LINES = "jsonl", _("JSON Lines")


class ImportStatus(models.TextChoices):
    """pending → running → finished │ failed."""

    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")


class ImportAction(models.TextChoices):
    """What an import does with a product of its file."""

    CREATE = "create", _("Creates it")
    UPDATE = "update", _("Changes it")
    NONE = "none", _("Leaves it alone")
    REFUSE = "refuse", _("Refuses it")


class ImportJobQuerySet(models.QuerySet["ImportJob"]):
    """Queries of imports."""

    def due(self) -> "ImportJobQuerySet":
        """Unfinished imports that no worker has leased, the one that waits longest first."""
        return self.filter(status__in=["pending", "running"], lease_until__lte=Now()).order_by("lease_until", "id")


class ImportJob(models.Model):
    """An import of a product file: its progress and its result. A `dry_run` is a preview, which writes no product.

    `preview` is the preview that was shown before an import; both have the same `file`.
    `client` is the identity of the caller that created it (`access.caller.Caller.identity`), empty if unknown.
    The table is the queue: an unfinished import whose lease has expired is free for any worker. `offset` and `line` say
    where the next product of the file begins; they are written in one transaction with the products before it.
    """

    format = models.CharField(_("format"), max_length=5, choices=ImportFormat.choices)
    file = PrivateFileField(max_length=255, blank=True)
    file_name = models.CharField(_("file"), max_length=255)
    size_bytes = models.BigIntegerField(_("size"))
    location = models.ForeignKey(
        Location, null=True, on_delete=models.PROTECT, related_name="imports", verbose_name=_("location")
    )
    dry_run = models.BooleanField(_("preview"), default=False)
    preview = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="imports", db_index=False)
    # Whether the caller that created it may set stock.
    sets_stock = models.BooleanField(default=False)
    status = models.CharField(_("status"), max_length=8, choices=ImportStatus.choices, default=ImportStatus.PENDING)
    processed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    created = models.PositiveIntegerField(_("created"), default=0)
    updated = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("left alone"), default=0)
    failed = models.PositiveIntegerField(_("refused"), default=0)
    error_count = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    offset = models.BigIntegerField(default=0)
    line = models.PositiveIntegerField(default=1)
    # Of a preview: the slugs, by their paths, of the categories that the products so far would have created.
    planned_categories = models.JSONField(default=dict)
    actor = models.CharField(_("by"), max_length=MAX_ACTOR_LENGTH)
    client = models.CharField(max_length=MAX_ACTOR_LENGTH, blank=True, default="", db_default="", editable=False)
    request_id = models.CharField(_("request id"), max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    # The number of the last lease, which voids the lease before.
    claims = models.PositiveIntegerField(default=0)
    # Attempts in a row that did not advance.
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(_("sent"), db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = ImportJobQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            models.Index(
                fields=["lease_until", "id"],
                name="import_job_due",
                condition=models.Q(status__in=["pending", "running"]),
            ),
            models.Index(fields=["finished_at"], name="import_job_with_file", condition=~models.Q(file="")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["preview"],
                name="import_job_once_a_preview",
                condition=models.Q(status__in=["pending", "running", "finished"]),
            ),
            models.CheckConstraint(
                name="import_job_preview_of_no_preview", condition=models.Q(dry_run=False) | models.Q(preview=None)
            ),
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
        """Whether it has finished or failed."""
        return self.status in (ImportStatus.FINISHED, ImportStatus.FAILED)


class ImportProblem(models.Model):
    """A problem with a line of an import: an error, for which the product was left out, or a warning.

    The lines of the product are the bytes from `block_offset` to `block_end` of the file; `block_line` is the number
    of its first line.
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
        verbose_name = _("problem of an import")
        verbose_name_plural = _("problems of imports")
        indexes = [models.Index(fields=["job", "is_warning", "id"], name="import_problem_of_job")]

    def __str__(self) -> str:
        return f"{self.line}: {self.detail}"


class ImportResult(models.Model):
    """What an import did with a product of its file, or what a preview says that it would do.

    `changes` are the first of its `change_count` changes, each `{"field", "from", "to"}`; of a new product the main
    values. `product` is null for one that does not exist.
    """

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="results", db_index=False)
    line = models.PositiveIntegerField()
    action = models.CharField(max_length=6, choices=ImportAction.choices)
    product = models.ForeignKey(Product, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    handle = models.CharField(max_length=MAX_NAME_LENGTH, blank=True)
    sku = models.CharField(max_length=MAX_SKU_LENGTH, blank=True)
    changes = models.JSONField(default=list)
    change_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        verbose_name = _("result of an import")
        verbose_name_plural = _("results of imports")
        indexes = [
            models.Index(fields=["job", "id"], name="import_result_of_job"),
            models.Index(fields=["job", "action", "id"], name="import_result_of_action"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "line"], name="import_result_once_a_line"),
            models.CheckConstraint(
                name="import_result_action_known", condition=models.Q(action__in=ImportAction.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line}: {self.action} {self.handle}"


class PreviewedName(models.Model):
    """A handle or a SKU that a product of a running preview would have, by its hash; `offset` is the product's.

    Later products of the file with the same name are previewed together with it. The end of the preview deletes it.
    """

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="names", db_index=False)
    name_hash = models.BigIntegerField()
    offset = models.BigIntegerField()
    line = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["job", "name_hash"], name="previewed_name_of_job")]

    def __str__(self) -> str:
        return f"{self.line}: {self.name_hash}"
