"""Pictures that were given as URLs: fetched one at a time, each attempt counted before it is made."""

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
    CLAIM,
    DRAIN_SECONDS,
    FIRST_RETRY,
    LONGEST_RETRY,
    MAX_FETCH_ATTEMPTS,
    MAX_IMAGE_BYTES,
)
from products.models import MAX_ERROR_LENGTH, ImageStatus, ProductImage
from products.services.image_files import StoredPicture, hold_file, store_picture
from products.services.images import announce, fetch_wake_up
from products.services.products import lock_product

logger = logging.getLogger(__name__)

BOUNDS: Final = outbound.Bounds(max_bytes=MAX_IMAGE_BYTES, total_seconds=30.0)
# Statuses that may be another one later.
_PASSING: Final = frozenset({408, 425, 429})
FETCH_LOCK: Final = 7_305_003


class NoPicture(Exception):
    """The URL has none. `permanent`: another try would end the same."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to fetch a picture now; void as soon as anybody claims it again."""

    image_id: int
    product_id: int
    url: str
    attempt: int


def fetch_due_images() -> int:
    """Fetches what is due until nothing is left or its time is over; returns how many were tried."""
    return fetch_wake_up.drain(_fetch_next, seconds=DRAIN_SECONDS)


def _fetch_next() -> bool:
    claim = claim_next()
    if claim is not None:
        fetch_image(claim)
    return claim is not None


_CLAIM: Final = """
UPDATE products_productimage
SET attempts = attempts + 1, claimed_until = clock_timestamp() + make_interval(secs => %(claim)s)
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
def claim_next() -> Claim | None:
    """Counts an attempt at the next picture that is due; nothing where none is, or another one is being fetched.

    One at a time, whichever process does it, so that slow servers take no more than one thread of the workers. A claim
    whose worker died is void after `CLAIM`.
    """
    with connection.cursor() as cursor:
        # The next statement sees what whoever held the lock has claimed.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FETCH_LOCK])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(_CLAIM, {"claim": CLAIM.total_seconds()})
        row = cursor.fetchone()
    return Claim(*row) if row else None


def fetch_image(claim: Claim) -> None:
    """Fetches, checks and stores the picture, then makes it the product's; or writes down why not."""
    try:
        stored = _fetched(claim)
    except NoPicture as error:
        _put_off(claim, str(error), permanent=error.permanent)
    except Exception as error:
        logger.exception("The image %s could not be fetched", claim.image_id)
        _put_off(claim, type(error).__name__, permanent=False)
    else:
        _show(claim, stored)
        metrics.image_fetches_total.labels("ok").inc()


def _fetched(claim: Claim) -> StoredPicture:
    if claim.attempt > MAX_FETCH_ATTEMPTS:
        raise NoPicture("Each of its workers died.", permanent=True)
    try:
        answer = outbound.fetch(claim.url, bounds=BOUNDS)
    except outbound.Unreachable as error:
        raise NoPicture(str(error), permanent=False) from error
    except outbound.OutboundError as error:
        raise NoPicture(str(error), permanent=True) from error
    if answer.status != HTTPStatus.OK:
        permanent = answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status not in _PASSING
        raise NoPicture(f"The server answered {answer.status}.", permanent=permanent)
    try:
        return store_picture(data=answer.body, lock=BACKGROUND_LOCK)
    except DomainError as error:
        raise NoPicture(error.detail, permanent=isinstance(error, Invalid)) from error


@retried_atomic
def _show(claim: Claim, stored: StoredPicture) -> None:
    product = lock_product(claim.product_id)
    image = _claimed(claim).select_for_update(no_key=True).first()
    if image is None:
        return
    image.image_file = hold_file(stored)
    image.status, image.error = ImageStatus.READY, ""
    image.claimed_until = image.next_attempt_at = None
    image.save(update_fields=["image_file", "status", "error", "claimed_until", "next_attempt_at"])
    announce([product.pk])


def _put_off(claim: Claim, reason: str, *, permanent: bool) -> None:
    if permanent or claim.attempt >= MAX_FETCH_ATTEMPTS:
        values: dict[str, object] = {"status": ImageStatus.FAILED, "next_attempt_at": None}
        metrics.image_fetches_total.labels("failed").inc()
    else:
        pause = outbound.pause_before(claim.attempt + 1, first=FIRST_RETRY, longest=LONGEST_RETRY)
        values = {"next_attempt_at": timezone.now() + pause}
        metrics.image_fetches_total.labels("put off").inc()
    _claimed(claim).update(error=reason[:MAX_ERROR_LENGTH], claimed_until=None, **values)


def _claimed(claim: Claim) -> QuerySet[ProductImage]:
    return ProductImage.objects.filter(pk=claim.image_id, status=ImageStatus.PENDING, attempts=claim.attempt)
