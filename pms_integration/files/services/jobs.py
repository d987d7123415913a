"""An import's file and its row."""

import secrets
from datetime import timedelta
from typing import IO, Final

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.utils import timezone

from inventory.models import Location
from pms_backend.api import context
from pms_backend.api.transactions import retried_atomic
from pms_backend.events.bells import Bell
from pms_integration.files.limits import KEPT_FILE_DAYS
from pms_integration.models import ImportJob

FOLDER: Final = "imports"
# A file whose row never came: the request that brought it was refused after it had been stored.
ORPHANED_AFTER: Final = timedelta(days=1)

import_bell = Bell(task="pms_integration.tasks.run_imports")


def store_file(*, content: IO[bytes], format: str) -> str:  # noqa: A002 - the field's name
    """Copies an uploaded file into the storage, chunk by chunk; returns its name there.

    It is called before the transaction that makes the row: what is stored without one is removed by the pruning.
    """
    content.seek(0)
    # A File of our own: Django would move an upload's temporary file away, and another try needs it again.
    return default_storage.save(f"{FOLDER}/{secrets.token_hex(16)}.{format}", File(content))


@retried_atomic
def create_import(
    *,
    stored: str,
    format: str,  # noqa: A002 - the field's name
    file_name: str,
    size_bytes: int,
    location: Location | None,
    sets_stock: bool,
) -> ImportJob:
    """Makes the import of a stored file, to be run by whoever is free. `sets_stock`: whether the caller may."""
    origin = context.current()
    job = ImportJob(
        file=stored,
        format=format,
        file_name=file_name[-255:],
        size_bytes=size_bytes,
        location=location,
        sets_stock=sets_stock,
        actor=origin.actor,
        request_id=origin.request_id,
    )
    job.save(force_insert=True)
    import_bell.ring_after_commit()
    return job


def prune_import_files() -> int:
    """Removes the files of imports that ended days ago, and those that never had a row; returns how many.

    The row is told first, so that nobody is promised a file that is gone.
    """
    removed = 0
    until = timezone.now() - timedelta(days=KEPT_FILE_DAYS)
    old = ImportJob.objects.filter(finished_at__lt=until).exclude(file="")
    for pk, name in list(old.values_list("pk", "file")[:100]):
        ImportJob.objects.filter(pk=pk).update(file="")
        default_storage.delete(name)
        removed += 1
    return removed + _prune_orphans()


def _prune_orphans() -> int:
    if not default_storage.exists(FOLDER):
        return 0
    names = [f"{FOLDER}/{name}" for name in default_storage.listdir(FOLDER)[1]]
    known = set(ImportJob.objects.filter(file__in=names).values_list("file", flat=True))
    until = timezone.now() - ORPHANED_AFTER
    orphans = [name for name in names if name not in known and default_storage.get_modified_time(name) < until]
    for name in orphans:
        default_storage.delete(name)
    return len(orphans)
