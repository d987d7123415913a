"""An import's file and its row."""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import IO, Final

from django.core.files.base import File
from django.utils import timezone

from inventory.models import Location
from pms_backend.api import context
from pms_backend.api.transactions import retried_atomic
from pms_backend.events.wakeups import WakeUp
from pms_integration.files.limits import KEPT_FILE_DAYS
from pms_integration.files.storage import private_files
from pms_integration.models import ImportJob
from products.services.image_files import storage_errors

FOLDER: Final = "imports"
# A file whose row never came: the request that brought it was refused after it had been stored.
ORPHANED_AFTER: Final = timedelta(days=1)
PRUNED_AT_ONCE: Final = 100

import_wake_up = WakeUp(task="pms_integration.tasks.run_imports")


def store_file(*, content: IO[bytes], format: str) -> str:  # noqa: A002 - the field's name
    """Copies an uploaded file into the storage, chunk by chunk; returns its name there.

    It is called before the transaction that makes the row: what is stored without one is removed by the pruning.
    Raises `StorageUnavailable`, `InsufficientStorage`.
    """
    content.seek(0)
    with storage_errors():
        # A File of our own: Django would move an upload's temporary file away, and another try needs it again.
        return private_files().save(f"{FOLDER}/{secrets.token_hex(16)}.{format}", File(content))


@retried_atomic
def create_import(
    *,
    stored: str,
    format: str,  # noqa: A002 - the field's name
    file_name: str,
    size_bytes: int,
    location: Location | None,
    sets_stock: bool,
    client: str,
) -> ImportJob:
    """Makes the import of a stored file, to be run by whoever is free.

    `sets_stock`: whether the caller may; `client`: the caller's identity.
    """
    origin = context.current()
    job = ImportJob(
        file=stored,
        format=format,
        file_name=file_name[-255:],
        size_bytes=size_bytes,
        location=location,
        sets_stock=sets_stock,
        actor=origin.actor,
        client=client,
        request_id=origin.request_id,
    )
    job.save(force_insert=True)
    import_wake_up.send_after_commit()
    return job


def prune_import_files() -> int:
    """Removes the files of imports that ended days ago, and those that never had a row; returns how many.

    The row is told first, so that nobody is promised a file that is gone.
    """
    removed = 0
    until = timezone.now() - timedelta(days=KEPT_FILE_DAYS)
    old = ImportJob.objects.filter(finished_at__lt=until).exclude(file="")
    for pk, name in list(old.values_list("pk", "file")[:PRUNED_AT_ONCE]):
        ImportJob.objects.filter(pk=pk).update(file="")
        private_files().delete(name)
        removed += 1
    return removed + _prune_orphans()


def _prune_orphans() -> int:
    removed = 0
    until = timezone.now() - ORPHANED_AFTER
    names: Iterator[str] = private_files().names_before(FOLDER, until)  # type: ignore[attr-defined]  # both of ours
    while batch := list(islice(names, PRUNED_AT_ONCE)):
        known = ImportJob.objects.filter(file__in=batch).values_list("file", flat=True)
        for name in set(batch) - set(known):
            private_files().delete(name)
            removed += 1
    return removed
