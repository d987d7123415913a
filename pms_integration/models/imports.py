"""Imports of product files and the problems found in them."""

from django.db import models
from django.db.models.functions import Now

from inventory.models import Location
from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH
from pms_integration.files.storage import PrivateFileField
from pms_integration.models.connections import MAX_REASON_LENGTH

MAX_COLUMN_LENGTH = 100
MAX_CODE_LENGTH = 50
MAX_DETAIL_LENGTH = 500


class ImportFormat(models.TextChoices):
    """The supported file formats."""

    CSV = "csv", "CSV"
    JSON_LINES = "jsonl", "JSON Lines"


class ImportStatus(models.TextChoices):
    """pending → running → finished │ failed."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class ImportJob(models.Model):
    """An import of a product file: its progress and its result.

    `client` is the identity of the caller that created it (`access.caller.Caller.identity`), empty if unknown.
    The table is the queue: an unfinished import whose lease has expired is free for any worker. `offset` and `line` say
    where the next product of the file begins; they are written in one transaction with the products before it.
    """

    format = models.CharField(max_length=5, choices=ImportFormat.choices)
    file = PrivateFileField(max_length=255, blank=True)
    file_name = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    location = models.ForeignKey(Location, null=True, on_delete=models.PROTECT, related_name="imports")
    # Whether the caller that created it may set stock.
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
    # The number of the last lease, which voids the lease before.
    claims = models.PositiveIntegerField(default=0)
    # Attempts in a row that did not advance.
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
        verbose_name = "problem of an import"
        verbose_name_plural = "problems of imports"
        indexes = [models.Index(fields=["job", "is_warning", "id"], name="import_problem_of_job")]

    def __str__(self) -> str:
        return f"{self.line}: {self.detail}"
