"""Who works on an import: one at a time, for as long as it says that it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from pms_backend.api import context
from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from pms_integration.events import ImportFinished
from pms_integration.exceptions import ImportLost
from pms_integration.files.limits import LEASE_SECONDS, MAX_ATTEMPTS, MAX_WARNINGS
from pms_integration.files.problems import MAX_COLUMN_LENGTH, MAX_DETAIL_LENGTH, Problem
from pms_integration.models import MAX_REASON_LENGTH, ImportJob, ImportProblem, ImportStatus


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on an import; void as soon as anybody claims it again."""

    job_id: int
    number: int


_CLAIM: Final = """
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


def claim_import() -> Claim | None:
    """Claims the import that has waited longest, in a transaction of its own; nothing where none is due.

    One on which several attempts in a row came to nothing fails instead, and the next is looked for.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {"lease": LEASE_SECONDS})
            row = cursor.fetchone()
        if row is None:
            return None
        claim = Claim(row[0], row[1])
        if row[2] <= MAX_ATTEMPTS:
            return claim
        line = ImportJob.objects.values_list("line", flat=True).get(pk=claim.job_id)
        fail_import(claim=claim, reason=f"{MAX_ATTEMPTS} attempts did not come past line {line}.")


def renew(*, claim: Claim) -> None:
    """Says that it is still worked on. Raises `ImportLost`."""
    if not _mine(claim).update(lease_until=lease()):
        raise ImportLost


@retried_atomic
def set_total(*, claim: Claim, total: int, warnings: Sequence[Problem]) -> None:
    """Notes how many lines the file has, and what is to be said of it as a whole. Raises `ImportLost`."""
    job = held(claim)
    job.total, job.lease_until = total, lease()
    note(job, warnings, is_warning=True, block=(0, 0, 1))
    job.save(update_fields=["total", "lease_until", "warning_count"])


def give_back(*, claim: Claim) -> None:
    """Lets anybody go on with it at once."""
    _mine(claim).update(lease_until=timezone.now())


@retried_atomic
def finish_import(*, claim: Claim) -> None:
    """The file has come to its end. Raises `ImportLost`."""
    end(held(claim), ImportStatus.FINISHED)


@retried_atomic
def fail_import(*, claim: Claim, reason: str) -> None:
    """It cannot go on; what was written stays. Raises `ImportLost`."""
    end(held(claim), ImportStatus.FAILED, reason)


def held(claim: Claim) -> ImportJob:
    """The import, locked to the end of the transaction. Raises `ImportLost`."""
    job = _mine(claim).select_related("location").select_for_update(of=("self",), no_key=True).first()
    if job is None:
        raise ImportLost
    return job


def end(job: ImportJob, status: ImportStatus, reason: str = "") -> None:
    """Ends a locked import and says so in the feed."""
    job.status, job.error, job.finished_at = status, reason[:MAX_REASON_LENGTH], timezone.now()
    if status == ImportStatus.FINISHED:
        job.total = job.processed
    job.save(update_fields=["status", "error", "finished_at", "total"])
    with context.bind(actor=job.actor, request_id=job.request_id):
        outbox.record(
            ImportFinished(
                id=job.pk,
                status="finished" if status == ImportStatus.FINISHED else "failed",
                processed=job.processed,
                created=job.created,
                updated=job.updated,
                unchanged=job.unchanged,
                failed=job.failed,
                error=job.error,
            )
        )


def note(job: ImportJob, problems: Sequence[Problem], *, is_warning: bool, block: tuple[int, int, int]) -> None:
    """Writes down problems of a locked import and counts them; warnings beyond `MAX_WARNINGS` are counted only."""
    kept = problems
    if is_warning:
        kept = problems[: max(0, MAX_WARNINGS - job.warning_count)]
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
        for problem in kept
    )


def lease() -> datetime:
    """Until when a claim made now is believed."""
    return timezone.now() + timedelta(seconds=LEASE_SECONDS)


def _mine(claim: Claim) -> QuerySet[ImportJob]:
    return ImportJob.objects.filter(pk=claim.job_id, claims=claim.number, status=ImportStatus.RUNNING)
