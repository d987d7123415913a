"""Leases of imports: one worker at a time runs an import, as long as it renews its lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from pms_backend import metrics
from pms_backend.access.services import record_audit
from pms_backend.api import context
from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from pms_integration.events import ImportFinished
from pms_integration.exceptions import ImportLost
from pms_integration.files.limits import LEASE_SECONDS, MAX_ATTEMPTS, MAX_WARNINGS
from pms_integration.files.records import Problem
from pms_integration.models import (
    MAX_COLUMN_LENGTH,
    MAX_DETAIL_LENGTH,
    MAX_REASON_LENGTH,
    ImportJob,
    ImportProblem,
    ImportStatus,
    PreviewedName,
)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run an import; void as soon as another worker leases the import."""

    job_id: int
    number: int


_LEASE: Final = """
UPDATE pms_integration_importjob AS job
SET status = 'running', claims = claims + 1, attempts = attempts + 1,
    started_at = coalesce(started_at, clock_timestamp()),
    lease_until = clock_timestamp() + %(lease)s * interval '1 second'
WHERE id = (
    SELECT id FROM pms_integration_importjob
    WHERE status IN ('pending', 'running') AND lease_until <= clock_timestamp()
    ORDER BY lease_until, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, claims, attempts
"""


def lease_import() -> Lease | None:
    """Leases the import that has waited longest, in a transaction of its own; None if none is due.

    An import with too many attempts without progress fails instead, and the next one is leased.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LEASE, {"lease": LEASE_SECONDS})
            row = cursor.fetchone()
        if row is None:
            return None
        lease = Lease(row[0], row[1])
        if row[2] <= MAX_ATTEMPTS:
            return lease
        line = ImportJob.objects.values_list("line", flat=True).get(pk=lease.job_id)
        fail_import(lease=lease, reason=f"{MAX_ATTEMPTS} attempts did not come past line {line}.")


def renew(*, lease: Lease) -> None:
    """Extends the lease. Raises `ImportLost`."""
    if not _leased(lease).update(lease_until=lease_end()):
        raise ImportLost


@retried_atomic
def set_total(*, lease: Lease, total: int, warnings: Sequence[Problem]) -> None:
    """Stores the number of lines and the warnings about the file as a whole. Raises `ImportLost`."""
    job = lock_import(lease)
    job.total, job.lease_until = total, lease_end()
    add_problems(job, warnings, is_warning=True, block=(0, 0, 1))
    job.save(update_fields=["total", "lease_until", "warning_count"])


def release(*, lease: Lease) -> None:
    """Makes the import available to any worker at once."""
    _leased(lease).update(lease_until=timezone.now())


@retried_atomic
def finish_import(*, lease: Lease) -> None:
    """Marks the import as finished. Raises `ImportLost`."""
    end(lock_import(lease), ImportStatus.FINISHED)


@retried_atomic
def fail_import(*, lease: Lease, reason: str) -> None:
    """Marks the import as failed; products that are written already stay. Raises `ImportLost`."""
    end(lock_import(lease), ImportStatus.FAILED, reason)


def lock_import(lease: Lease) -> ImportJob:
    """The leased import, locked until the end of the transaction. Raises `ImportLost`."""
    job = _leased(lease).select_related("location").select_for_update(of=("self",), no_key=True).first()
    if job is None:
        raise ImportLost
    return job


def end(job: ImportJob, status: ImportStatus, reason: str = "") -> None:
    """Ends a locked import and records `import.finished`; what only a preview's parts need is deleted."""
    job.status, job.error, job.finished_at = status, reason[:MAX_REASON_LENGTH], timezone.now()
    if status == ImportStatus.FINISHED:
        job.total = job.processed
    job.planned_categories = {}
    job.save(update_fields=["status", "error", "finished_at", "total", "planned_categories"])
    if job.dry_run:
        PreviewedName.objects.filter(job=job).delete()
    transaction.on_commit(partial(_count_end, status), robust=True)
    with context.bind(actor=job.actor, request_id=job.request_id, door=context.Door.IMPORT):
        outbox.record(
            ImportFinished(
                id=job.pk,
                dry_run=job.dry_run,
                status="finished" if status == ImportStatus.FINISHED else "failed",
                processed=job.processed,
                created=job.created,
                updated=job.updated,
                unchanged=job.unchanged,
                failed=job.failed,
                error=job.error,
            )
        )
        record_audit(
            action="import.finished",
            subject=f"import:{job.pk}",
            name=job.file_name,
            dry_run=job.dry_run,
            status=job.status,
            created=job.created,
            updated=job.updated,
            failed=job.failed,
        )


def _count_end(status: ImportStatus) -> None:
    metrics.imports_total.labels(status.value).inc()
    if status == ImportStatus.FAILED:
        metrics.count_error(metrics.Layer.SERVICE, "import_failed")


def add_problems(job: ImportJob, problems: Sequence[Problem], *, is_warning: bool, block: tuple[int, int, int]) -> None:
    """Stores problems of a locked import and counts them; warnings beyond `MAX_WARNINGS` are only counted.

    `block` is the offset, the end and the first line of the product.
    """
    stored = problems
    if is_warning:
        stored = problems[: max(0, MAX_WARNINGS - job.warning_count)]
        job.warning_count += len(problems)
    else:
        job.error_count += len(problems)
    offset, stop, line = block
    ImportProblem.objects.bulk_create(
        ImportProblem(
            job=job,
            is_warning=is_warning,
            line=problem.line,
            column=problem.column[:MAX_COLUMN_LENGTH],
            code=problem.code,
            detail=storable(problem.detail)[:MAX_DETAIL_LENGTH],
            block_offset=offset,
            block_end=stop,
            block_line=line,
        )
        for problem in stored
    )


def lease_end() -> datetime:
    """The time until which a lease that begins now is valid."""
    return timezone.now() + timedelta(seconds=LEASE_SECONDS)


def _leased(lease: Lease) -> QuerySet[ImportJob]:
    return ImportJob.objects.filter(pk=lease.job_id, claims=lease.number, status=ImportStatus.RUNNING)
