"""What nobody needs any more: content that no product shows, and files that no row names."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from products.images.limits import GRACE
from products.images.names import IMAGES, THUMBNAILS, UPLOADS
from products.models import ImageFile, ImageUpload
from products.services.image_files import delete_file

SWEPT_AT_ONCE: Final = 500

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
# Whoever takes the content up again meanwhile has locked its row, and taken the mark from it (`hold_file`).
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
    """Removes content that no product has shown for `GRACE`, rows first, then files; returns how many rows."""
    before = timezone.now() - GRACE
    with connection.cursor() as cursor:
        cursor.execute(_UNMARK)
        cursor.execute(_MARK)
    total = 0
    while swept := _sweep_batch(before):
        total += len(swept)
        for name in (name for names in swept for name in names if name):
            delete_file(name)
    return total


@transaction.atomic
def _sweep_batch(before: datetime) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_SWEEP, {"before": before, "most": SWEPT_AT_ONCE})
        swept: list[tuple[str, str]] = cursor.fetchall()
    return swept


def sweep_stray_files() -> int:
    """Removes files older than `GRACE` that no row names, and uploads that nobody used; returns how many files.

    It reads the whole storage: once a day, when little else happens.
    """
    before = timezone.now() - GRACE
    ImageUpload.objects.filter(expires_at__lt=before).delete()
    total = 0
    for folder in (IMAGES, THUMBNAILS, UPLOADS):
        names: Iterator[str] = default_storage.names_before(folder, before)  # type: ignore[attr-defined]  # both of ours
        while batch := list(islice(names, SWEPT_AT_ONCE)):
            for name in set(batch) - _named(batch):
                delete_file(name)
                total += 1
    return total


def _named(names: list[str]) -> set[str]:
    files = ImageFile.objects.filter(file__in=names).values_list("file", flat=True)
    thumbnails = ImageFile.objects.filter(thumbnail__in=names).values_list("thumbnail", flat=True)
    return {*files, *thumbnails}
