"""Thumbnails: each attempt counted before it is made, so that a picture that kills its worker is given up."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.core.files.storage import default_storage
from django.db import connection

from pms_backend.api import cache_generations
from products.cache_generations import CATALOGUE, of_product
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
class Claim:
    """The right to make a thumbnail now."""

    file_id: int
    name: str
    sha256: str
    attempt: int


def make_due_thumbnails() -> int:
    """Makes what is due until nothing is left or its time is over; returns how many were tried."""
    return thumbnail_wake_up.drain(_make_next, seconds=DRAIN_SECONDS)


def _make_next() -> bool:
    try:
        # Before the claim, which counts as an attempt; the next sweep tries again.
        with BACKGROUND_LOCK.held(wait=False):
            claim = claim_next()
            if claim is not None:
                _make(claim)
    except ImageDecoderBusy:
        return False
    return claim is not None


_CLAIM: Final = """
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


def claim_next() -> Claim | None:
    """Counts an attempt at the next thumbnail; the last attempt leaves none due, however it ends."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"first": FIRST_RETRY.total_seconds(), "most": MAX_THUMBNAIL_ATTEMPTS})
        row = cursor.fetchone()
    return Claim(*row) if row else None


def _make(claim: Claim) -> None:
    try:
        with default_storage.open(claim.name) as file:
            content = make_thumbnail(file.read())
        name = new_name(THUMBNAILS, claim.sha256, "webp")
        save_file(name, content)
    except Exception:
        logger.exception("Attempt %s at the thumbnail of %s failed", claim.attempt, claim.name)
        return
    # It changes no product, of which it shows what was there already, only smaller; but answers name it.
    if ImageFile.objects.filter(pk=claim.file_id, thumbnail="").update(thumbnail=name, thumbnail_due_at=None):
        uses = ProductImage.objects.filter(image_file=claim.file_id).values_list("product_id", flat=True)
        cache_generations.replace((CATALOGUE, *map(of_product, uses)))
    else:
        delete_file(name)
