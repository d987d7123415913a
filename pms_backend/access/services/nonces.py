"""Nonces of signed writes: each is used once."""

from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from pms_backend.access.models import SignatureNonce, SigningKey
from pms_backend.api.exceptions import Unauthenticated

# A signature is good for 5 minutes either way; a nonce is kept for longer than any that bears it could still be.
NONCES_KEPT: Final = timedelta(minutes=15)
PRUNED_AT_ONCE: Final = 5_000


def use_nonce(*, signing_key: SigningKey, nonce: str) -> None:
    """Uses a nonce up, in the transaction of the write that it signs. Raises `Unauthenticated` for a used one.

    A request with the same nonce that is still at work is waited for.
    """
    try:
        with transaction.atomic():
            SignatureNonce.objects.create(signing_key=signing_key, nonce=nonce)
    except IntegrityError:
        raise Unauthenticated("The signature's nonce has been used.", code="signature_invalid") from None


def prune_nonces() -> int:
    """Forgets nonces whose signatures are too old to be good; returns how many."""
    total = 0
    while True:
        old = SignatureNonce.objects.filter(used_at__lt=Now() - NONCES_KEPT).values("pk")[:PRUNED_AT_ONCE]
        count, _ = SignatureNonce.objects.filter(pk__in=old).delete()
        total += count
        if count < PRUNED_AT_ONCE:
            return total
