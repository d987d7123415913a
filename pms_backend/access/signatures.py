"""Signed requests: RFC 9421 HTTP Message Signatures over `@method`, `@target-uri` and RFC 9530's `content-digest`."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.http import HttpRequest
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from rest_framework.exceptions import AuthenticationFailed

from pms_backend.access.models import SigningKey

logger = logging.getLogger(__name__)

MAX_AGE: Final = timedelta(minutes=5)
MAX_NONCE_LENGTH: Final = 255
# `Content-Digest` is required for an empty body too, so that nobody can add a body.
COVERED: Final = ("@method", "@target-uri", "content-digest")


class SignatureInvalid(AuthenticationFailed):
    """The request has no valid signature of its client."""

    default_code = "signature_invalid"


@dataclass(frozen=True, slots=True)
class _Message:
    """A request in the form that the library reads."""

    method: str
    url: str
    headers: Mapping[str, str]


class _Verifier(HTTPMessageVerifier):
    """Accepts a clock skew up to the maximum age of a signature."""

    max_clock_skew = MAX_AGE


class _KeysOf(HTTPSignatureKeyResolver):
    """Resolves the usable signing keys of one client only."""

    def __init__(self, client_id: int) -> None:
        self.client_id = client_id
        self.used: SigningKey | None = None

    def resolve_public_key(self, key_id: str) -> bytes | None:
        """The shared secret of the HMAC."""
        self.used = SigningKey.objects.usable().filter(client_id=self.client_id, key_id=key_id).first()
        return None if self.used is None else self.used.secret.encode()


def verify_signature(request: HttpRequest, *, client_id: int) -> tuple[SigningKey, str]:
    """Returns the signing key and the nonce of a signed request, whose nonce the caller must store (`use_nonce`).

    Raises `SignatureInvalid`.
    """
    keys = _KeysOf(client_id)
    verifier = _Verifier(signature_algorithm=HMAC_SHA256, key_resolver=keys)
    message = _Message(request.method or "", request.build_absolute_uri(), request.headers)
    try:
        # The library adds the clock skew to `max_age`.
        verified = verifier.verify(message, max_age=timedelta(0), require_components=COVERED, body=request.body)
    except HTTPMessageSignaturesException as error:
        logger.info("A signature was refused: %s", error)
        raise SignatureInvalid(f"The signature does not verify: {error}.") from None
    nonce = verified[0].nonce
    if keys.used is None or not nonce or len(nonce) > MAX_NONCE_LENGTH:
        raise SignatureInvalid(f"The signature needs a `nonce` of 1 to {MAX_NONCE_LENGTH} characters.")
    return keys.used, nonce
