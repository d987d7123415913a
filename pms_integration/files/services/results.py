"""Stores what has become of the products of a chunk, and how far the import has come."""

from collections.abc import Sequence
from typing import Final

from pms_backend.access.services import MAX_CHANGES
from pms_backend.api.storable_text import storable
from pms_integration.files.limits import MAX_ERRORS, MAX_RESULTS
from pms_integration.files.services.leases import add_problems, end, lease_end
from pms_integration.files.services.writing import Written
from pms_integration.models import ImportAction, ImportJob, ImportResult, ImportStatus
from products.models import MAX_NAME_LENGTH
from products.skus import MAX_SKU_LENGTH

COUNT_OF: Final = {
    ImportAction.CREATE: "created",
    ImportAction.UPDATE: "updated",
    ImportAction.NONE: "unchanged",
    ImportAction.REFUSE: "failed",
}
_PROGRESS: Final = (
    *("offset", "line", "processed", "created", "updated", "unchanged", "failed", "error_count", "warning_count"),
    *("attempts", "lease_until"),
)


def store_results(job: ImportJob, written: Sequence[Written]) -> bool:
    """Stores the results, the problems and the progress of a locked import; returns whether it goes on.

    The last product is the one behind which the import goes on.
    """
    rows = []
    for one in written:
        counter = COUNT_OF[one.action]
        setattr(job, counter, getattr(job, counter) + 1)
        if getattr(job, counter) <= MAX_RESULTS:
            rows.append(_result(job, one))
        _add_problems(job, one)
    ImportResult.objects.bulk_create(rows)
    return _progress(job, written)


def _result(job: ImportJob, written: Written) -> ImportResult:
    parsed, values, changes = written.parsed, written.after, written.changes()
    skus = values.skus if values else [variant.sku for variant in parsed.variants if variant.sku]
    return ImportResult(
        job=job,
        line=parsed.line,
        action=written.action,
        product_id=written.product_id,
        handle=storable(values.product["handle"] if values else parsed.handle)[:MAX_NAME_LENGTH],
        sku=storable(skus[0])[:MAX_SKU_LENGTH] if skus else "",
        changes=changes[:MAX_CHANGES],
        change_count=len(changes),
    )


def _add_problems(job: ImportJob, written: Written) -> None:
    parsed = written.parsed
    block = (parsed.start.offset, parsed.end.offset, parsed.start.line)
    if parsed.problems:
        add_problems(job, parsed.problems, is_warning=False, block=block)
    if parsed.warnings:
        add_problems(job, parsed.warnings, is_warning=True, block=block)


def _progress(job: ImportJob, written: Sequence[Written]) -> bool:
    last = written[-1].parsed.end
    job.offset, job.line = last.offset, last.line
    job.processed += sum(one.parsed.line_count for one in written)
    job.attempts, job.lease_until = 0, lease_end()
    job.save(update_fields=_PROGRESS)
    if job.error_count > MAX_ERRORS:
        end(job, ImportStatus.FAILED, f"More than {MAX_ERRORS} errors: the file is not what it was taken for.")
        return False
    return True
