"""Makes thumbnails; each attempt is counted before it begins, so that a picture that kills its worker is given up."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.core.files.storage import default_storage
from django.db import connection

from pms_backend.api import cache_generations
from products.cache_generations import CATALOGUE, product_generation
from products.exceptions import ImageDecoderBusy
from products.images.decoder_locks import BACKGROUND_LOCK
from products.images.decoding import make_thumbnail
from products.images.limits import DRAIN_SECONDS, MAX_THUMBNAIL_ATTEMPTS
from products.images.names import THUMBNAILS, new_name
from products.models import ImageFile, ProductImage
from products.services.image_files import delete_file, save_file, thumbnail_wake_up

logger = logging.getLogger(__name__)

FIRST_RETRY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to make a thumbnail now."""

    file_id: int
    name: str
    sha256: str
    attempt: int


def make_due_thumbnails() -> int:
    """Makes due thumbnails until none is left or `DRAIN_SECONDS` are over; returns the number of attempts."""
    return thumbnail_wake_up.drain(_make_next, seconds=DRAIN_SECONDS)


def _make_next() -> bool:
    try:
        # The lock comes before the lease, which counts an attempt; if it is held, the next sweep tries again.
        with BACKGROUND_LOCK.held(wait=False):
            lease = lease_next_thumbnail()
            if lease is not None:
                _make(lease)
    except ImageDecoderBusy:
        return False
    return lease is not None


_LEASE: Final = """
UPDATE products_imagefile
SET thumbnail_attempts = thumbnail_attempts + 1,
    thumbnail_due_at = CASE WHEN thumbnail_attempts + 1 < %(most)s
                            THEN clock_timestamp() + make_interval(secs => %(first)s * power(2, thumbnail_attempts)) END
WHERE id = (
    SELECT id FROM products_imagefile
    WHERE thumbnail_due_at <= clock_timestamp()
    ORDER BY thumbnail_due_at LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, file, sha256, thumbnail_attempts
"""


def lease_next_thumbnail() -> Lease | None:
    """Leases the next due thumbnail and counts the attempt; after the last one no more is due, however it ends."""
    with connection.cursor() as cursor:
        cursor.execute(_LEASE, {"first": FIRST_RETRY.total_seconds(), "most": MAX_THUMBNAIL_ATTEMPTS})
        row = cursor.fetchone()
    return Lease(*row) if row else None


def _make(lease: Lease) -> None:
    try:
        with default_storage.open(lease.name) as file:
            content = make_thumbnail(file.read())
        name = new_name(THUMBNAILS, lease.sha256, "webp")
        save_file(name, content)
    except Exception:
        logger.exception("Attempt %s at the thumbnail of %s failed", lease.attempt, lease.name)
        return
    # The product keeps its version, since it shows the same picture, but cached responses have to name the thumbnail.
    if ImageFile.objects.filter(pk=lease.file_id, thumbnail="").update(thumbnail=name, thumbnail_due_at=None):
        uses = ProductImage.objects.filter(image_file=lease.file_id).values_list("product_id", flat=True)
        cache_generations.replace((CATALOGUE, *map(product_generation, uses)))
    else:
        delete_file(name)
