"""Nonces of signed writes: each is used once."""

from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from pms_backend.access.models import SignatureNonce, SigningKey
from pms_backend.api import batches
from pms_backend.api.exceptions import Unauthenticated

# A signature is valid for 5 minutes before and after `created`; its nonce is stored for longer.
NONCE_RETENTION: Final = timedelta(minutes=15)


def use_nonce(*, signing_key: SigningKey, nonce: str) -> None:
    """Stores a nonce in the transaction of the write that it signs. Raises `Unauthenticated` for a used one.

    It waits for a running request with the same nonce.
    """
    try:
        with transaction.atomic():
            SignatureNonce.objects.create(signing_key=signing_key, nonce=nonce)
    except IntegrityError:
        raise Unauthenticated("The signature's nonce has been used.", code="signature_invalid") from None


def prune_nonces() -> int:
    """Deletes nonces whose signatures have expired; returns how many."""
    return batches.prune(_prune_batch)


def _prune_batch() -> int:
    old = SignatureNonce.objects.filter(used_at__lt=Now() - NONCE_RETENTION).values("pk")[: batches.PRUNE_BATCH_SIZE]
    count, _ = SignatureNonce.objects.filter(pk__in=old).delete()
    return count
