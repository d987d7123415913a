"""Fetches images that were given as URLs, one at a time; each attempt is counted before it begins."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from pms_backend import metrics, outbound
from pms_backend.api.exceptions import DomainError, Invalid
from pms_backend.api.transactions import retried_atomic
from products.images.decoder_locks import BACKGROUND_LOCK
from products.images.limits import (
    DRAIN_SECONDS,
    FETCH_LEASE,
    FIRST_RETRY,
    LONGEST_RETRY,
    MAX_FETCH_ATTEMPTS,
    MAX_IMAGE_BYTES,
)
from products.models import MAX_ERROR_LENGTH, ImageStatus, ProductImage
from products.services.image_files import StoredPicture, get_or_create_file, store_picture
from products.services.images import fetch_wake_up, image_added, touch_products
from products.services.products import lock_product

logger = logging.getLogger(__name__)

BOUNDS: Final = outbound.Bounds(max_bytes=MAX_IMAGE_BYTES, total_seconds=30.0)
# Client errors that may be temporary.
_TEMPORARY: Final = frozenset({408, 425, 429})
FETCH_LOCK: Final = 7_305_003


class FetchFailed(Exception):
    """The URL has no picture; `permanent` if another attempt would fail too."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to fetch an image now; void once another worker leases the image."""

    image_id: int
    product_id: int
    url: str
    attempt: int


def fetch_due_images() -> int:
    """Fetches due images until none is left or `DRAIN_SECONDS` are over; returns the number of attempts."""
    return fetch_wake_up.drain(_fetch_next, seconds=DRAIN_SECONDS)


def _fetch_next() -> bool:
    lease = lease_next_image()
    if lease is not None:
        fetch_image(lease)
    return lease is not None


_LEASE: Final = """
UPDATE products_productimage
SET attempts = attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE id = (
    SELECT id FROM products_productimage
    WHERE status = 'pending' AND (next_attempt_at IS NULL OR next_attempt_at <= clock_timestamp())
      AND NOT EXISTS (SELECT 1 FROM products_productimage WHERE claimed_until > clock_timestamp())
    ORDER BY next_attempt_at NULLS FIRST, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, product_id, source_url, attempts
"""


@transaction.atomic
def lease_next_image() -> Lease | None:
    """Leases the next due image and counts the attempt; None if none is due, or another image is leased.

    All processes together fetch one at a time, so that slow servers occupy at most one thread of the workers. The lease
    of a worker that died expires after `FETCH_LEASE`.
    """
    with connection.cursor() as cursor:
        # After the lock, the next statement sees the lease of its previous holder.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FETCH_LOCK])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(_LEASE, {"lease": FETCH_LEASE.total_seconds()})
        row = cursor.fetchone()
    return Lease(*row) if row else None


def fetch_image(lease: Lease) -> None:
    """Fetches, checks and stores the picture and adds it to its product; records the reason of a failure."""
    try:
        stored = _fetched(lease)
    except FetchFailed as error:
        metrics.count_error(metrics.Layer.INTEGRATION, "image_fetch_failed")
        _record_failure(lease, str(error), permanent=error.permanent)
    except Exception as error:
        logger.exception("The image %s could not be fetched", lease.image_id)
        _record_failure(lease, type(error).__name__, permanent=False)
    else:
        _store_content(lease, stored)
        metrics.image_fetches_total.labels("ok").inc()


def _fetched(lease: Lease) -> StoredPicture:
    if lease.attempt > MAX_FETCH_ATTEMPTS:
        raise FetchFailed("Each of its workers died.", permanent=True)
    try:
        response = outbound.fetch(lease.url, bounds=BOUNDS)
    except outbound.Unreachable as error:
        raise FetchFailed(str(error), permanent=False) from error
    except outbound.OutboundError as error:
        raise FetchFailed(str(error), permanent=True) from error
    if response.status != HTTPStatus.OK:
        permanent = response.status < HTTPStatus.INTERNAL_SERVER_ERROR and response.status not in _TEMPORARY
        raise FetchFailed(f"The server answered {response.status}.", permanent=permanent)
    try:
        return store_picture(data=response.body, lock=BACKGROUND_LOCK)
    except DomainError as error:
        raise FetchFailed(error.detail, permanent=isinstance(error, Invalid)) from error


@retried_atomic
def _store_content(lease: Lease, stored: StoredPicture) -> None:
    product = lock_product(lease.product_id)
    image = _leased(lease).select_for_update(no_key=True).first()
    if image is None:
        return
    image.image_file = get_or_create_file(stored)
    image.status, image.error = ImageStatus.READY, ""
    image.claimed_until = image.next_attempt_at = None
    image.save(update_fields=["image_file", "status", "error", "claimed_until", "next_attempt_at"])
    touch_products({product.pk: [image_added(image)]})


def _record_failure(lease: Lease, reason: str, *, permanent: bool) -> None:
    if permanent or lease.attempt >= MAX_FETCH_ATTEMPTS:
        values: dict[str, object] = {"status": ImageStatus.FAILED, "next_attempt_at": None}
        metrics.image_fetches_total.labels("failed").inc()
    else:
        pause = outbound.pause_before(lease.attempt + 1, first=FIRST_RETRY, longest=LONGEST_RETRY)
        values = {"next_attempt_at": timezone.now() + pause}
        metrics.image_fetches_total.labels("put off").inc()
    _leased(lease).update(error=reason[:MAX_ERROR_LENGTH], claimed_until=None, **values)


def _leased(lease: Lease) -> QuerySet[ProductImage]:
    return ProductImage.objects.filter(pk=lease.image_id, status=ImageStatus.PENDING, attempts=lease.attempt)
