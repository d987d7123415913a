"""Deletes content that no product shows, and files that no row names."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from pms_backend.api.batches import run_batches
from products.images.limits import SWEEP_GRACE
from products.images.names import IMAGES, THUMBNAILS, UPLOADS
from products.models import ImageFile, ImageUpload
from products.services.image_files import delete_file

BATCH_SIZE: Final = 500

_MARK: Final = """
UPDATE products_imagefile AS file SET unused_since = clock_timestamp()
WHERE unused_since IS NULL
  AND NOT EXISTS (SELECT 1 FROM products_productimage AS image WHERE image.image_file_id = file.id)
"""
_UNMARK: Final = """
UPDATE products_imagefile AS file SET unused_since = NULL
WHERE unused_since IS NOT NULL
  AND EXISTS (SELECT 1 FROM products_productimage AS image WHERE image.image_file_id = file.id)
"""
# A transaction that uses the content again has locked its row and cleared `unused_since` (`get_or_create_file`).
_SWEEP: Final = """
DELETE FROM products_imagefile WHERE id = ANY (ARRAY(
    SELECT file.id FROM products_imagefile AS file
    WHERE unused_since < %(before)s
      AND NOT EXISTS (SELECT 1 FROM products_productimage AS image WHERE image.image_file_id = file.id)
    ORDER BY unused_since LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
))
RETURNING file, thumbnail
"""


def sweep_unused_images() -> int:
    """Deletes content that no product has shown for `SWEEP_GRACE`, rows before files; returns the number of rows."""
    before = timezone.now() - SWEEP_GRACE
    with connection.cursor() as cursor:
        cursor.execute(_UNMARK)
        cursor.execute(_MARK)
    return run_batches(lambda: _sweep_batch(before))


def _sweep_batch(before: datetime) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SWEEP, {"before": before, "most": BATCH_SIZE})
        swept: list[tuple[str, str]] = cursor.fetchall()
    for name in (name for names in swept for name in names if name):
        delete_file(name)
    return len(swept)


def sweep_stray_files() -> int:
    """Deletes files older than `SWEEP_GRACE` that no row names, and expired uploads; returns the number of files.

    It lists the whole storage, so it runs once a day at a quiet time.
    """
    before = timezone.now() - SWEEP_GRACE
    ImageUpload.objects.filter(expires_at__lt=before).delete()
    total = 0
    for folder in (IMAGES, THUMBNAILS, UPLOADS):
        names: Iterator[str] = default_storage.names_before(folder, before)  # type: ignore[attr-defined]  # both storages have it
        while batch := list(islice(names, BATCH_SIZE)):
            for name in set(batch) - _named(batch):
                delete_file(name)
                total += 1
    return total


def _named(names: list[str]) -> set[str]:
    files = ImageFile.objects.filter(file__in=names).values_list("file", flat=True)
    thumbnails = ImageFile.objects.filter(thumbnail__in=names).values_list("thumbnail", flat=True)
    return {*files, *thumbnails}
