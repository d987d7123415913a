"""Starting an import from an uploaded file, and removing the files of old imports."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import IO, Any, Final, cast

from django.core.exceptions import RequestDataTooBig
from django.core.files.base import File
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.models import Location
from inventory.services.levels import require_location
from pms_backend.access.services import record_audit
from pms_backend.api import context
from pms_backend.api.transactions import retried_atomic
from pms_backend.events.wakeups import WakeUp
from pms_integration.exceptions import AlreadyImported, ImportFileGone, PreviewUnfinished, StockNotYours
from pms_integration.files.limits import FILE_RETENTION_DAYS, MAX_FILE_BYTES
from pms_integration.files.reading import fills_quantities, format_of
from pms_integration.files.storage import private_files
from pms_integration.models import ImportFormat, ImportJob, ImportResult, ImportStatus
from products.services.image_files import storage_errors

FOLDER: Final = "imports"
# A file of this age without a row is left over from a request that was refused after it had stored the file.
ORPHANED_AFTER: Final = timedelta(days=1)
PRUNED_AT_ONCE: Final = 100

import_wake_up = WakeUp(task="pms_integration.tasks.run_imports")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An uploaded file in the storage, and whether its sender may set stock."""

    name: str
    format: ImportFormat
    file_name: str
    size_bytes: int
    may_set_stock: bool


def file_gone() -> ImportFileGone:
    """The refusal of what needs a file that has been removed."""
    text = _("The file of an import is kept for %(days)s days after its end.")
    return ImportFileGone(text % {"days": FILE_RETENTION_DAYS})


def store_file(*, upload: Any, format: str | None, may_set_stock: bool) -> StoredFile:  # noqa: A002 - the field's name
    """Checks an uploaded file and copies it into the storage; not to be called in a transaction.

    A file for which no import is created is pruned later. Raises `StorageUnavailable`, `InsufficientStorage`,
    `RequestDataTooBig`, and `StockNotYours` if the file has a column of quantities and the sender may not set stock.
    """
    if upload.size > MAX_FILE_BYTES:
        raise RequestDataTooBig
    content = cast("IO[bytes]", upload.file)
    kind = ImportFormat(format) if format else format_of(content, upload.name)
    _check_quantities(content, kind, may_set_stock=may_set_stock)
    content.seek(0)
    with storage_errors():
        # A new File: Django would move the temporary file of the upload, which a retry needs again.
        name = private_files().save(f"{FOLDER}/{secrets.token_hex(16)}.{kind}", File(content))
    return StoredFile(
        name=name, format=kind, file_name=upload.name, size_bytes=upload.size, may_set_stock=may_set_stock
    )


def location_of(code: str | None) -> Location | None:
    """The active location with this code; without a code the first active one by priority, if there is one.

    Raises `UnknownLocation`, `LocationInactive`.
    """
    if code:
        return require_location(code)
    return Location.objects.filter(is_active=True).order_by("priority", "code").first()


@retried_atomic
def create_import(
    *,
    file: StoredFile,
    location: Location | None,
    client: str,
    dry_run: bool = False,
    preview: ImportJob | None = None,
) -> ImportJob:
    """Creates the import of a stored file, which a worker runs; with `dry_run` its preview.

    `client` is the identity of the caller, `preview` what was shown of the same file before.
    """
    origin = context.current()
    job = ImportJob(
        file=file.name,
        format=file.format,
        file_name=file.file_name[-255:],
        size_bytes=file.size_bytes,
        location=location,
        dry_run=dry_run,
        preview=preview,
        sets_stock=file.may_set_stock,
        actor=origin.actor,
        client=client,
        request_id=origin.request_id,
    )
    job.save(force_insert=True)
    record_audit(action="import.started", subject=f"import:{job.pk}", name=job.file_name, dry_run=dry_run)
    import_wake_up.send_after_commit()
    return job


def import_previewed(*, preview_id: int, client: str, may_set_stock: bool) -> ImportJob:
    """Creates the import of the file of a preview; not to be called in a transaction, since it reads the file.

    Raises `PreviewUnfinished`, `AlreadyImported`, `ImportFileGone` if the file has been removed, `StorageUnavailable`,
    and `StockNotYours` as `store_file` does.
    """
    preview = ImportJob.objects.get(pk=preview_id)
    if not preview.file:
        raise file_gone()
    with storage_errors():
        if not private_files().exists(str(preview.file)):
            raise file_gone()
        with private_files().open(str(preview.file)) as opened:
            _check_quantities(cast("IO[bytes]", opened), ImportFormat(preview.format), may_set_stock=may_set_stock)
    return _import_previewed(preview_id, client, may_set_stock)


@retried_atomic
def _import_previewed(preview_id: int, client: str, may_set_stock: bool) -> ImportJob:  # noqa: FBT001 - private
    # The lock orders two that import, and the removal of the file.
    preview = ImportJob.objects.select_for_update(of=("self",)).select_related("location").get(pk=preview_id)
    if not preview.dry_run or preview.status != ImportStatus.FINISHED:
        raise PreviewUnfinished(_("Only a preview that has finished can be imported."))
    if not preview.file:
        raise file_gone()
    if (done := preview.imports.exclude(status=ImportStatus.FAILED).first()) is not None:
        raise AlreadyImported(_("This preview was imported already: import %(id)s.") % {"id": done.pk})
    file = StoredFile(
        name=str(preview.file),
        format=ImportFormat(preview.format),
        file_name=preview.file_name,
        size_bytes=preview.size_bytes,
        may_set_stock=may_set_stock,
    )
    return create_import(file=file, location=preview.location, client=client, preview=preview)


def _check_quantities(content: IO[bytes], kind: ImportFormat, *, may_set_stock: bool) -> None:
    if not may_set_stock and fills_quantities(content, kind):
        raise StockNotYours(_("The file has quantities; setting stock needs the scope inventory:write."))


def prune_import_files() -> int:
    """Removes the files and results of imports that ended `FILE_RETENTION_DAYS` ago, and files without a row.

    Returns how many files. The row is updated first, so that it never names a file that is gone; a file that another
    import has too, since it was previewed, stays for that one.
    """
    removed = 0
    until = timezone.now() - timedelta(days=FILE_RETENTION_DAYS)
    old = ImportJob.objects.filter(finished_at__lt=until).exclude(file="")
    for pk, name in list(old.values_list("pk", "file")[:PRUNED_AT_ONCE]):
        ImportResult.objects.filter(job=pk).delete()
        ImportJob.objects.filter(pk=pk).update(file="")
        if not ImportJob.objects.filter(file=name).exists():
            private_files().delete(name)
            removed += 1
    return removed + _prune_orphans()


def _prune_orphans() -> int:
    removed = 0
    until = timezone.now() - ORPHANED_AFTER
    names: Iterator[str] = private_files().names_before(FOLDER, until)  # type: ignore[attr-defined]  # of both our storages
    while batch := list(islice(names, PRUNED_AT_ONCE)):
        known = ImportJob.objects.filter(file__in=batch).values_list("file", flat=True)
        for name in set(batch) - set(known):
            private_files().delete(name)
            removed += 1
    return removed
