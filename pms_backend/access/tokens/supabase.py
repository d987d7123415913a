"""Supabase Auth's access tokens."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from django.conf import settings
from django.contrib.auth.models import User
from jwt import PyJWK

from pms_backend.access.caller import Caller, Credential
from pms_backend.access.models import DEFAULT_TIER, STOREFRONT_TIER, SupabaseUser
from pms_backend.access.scopes import STOREFRONT_SCOPES
from pms_backend.access.tokens import services
from pms_backend.access.tokens.exceptions import ExpiredToken, InvalidToken, UserInactive
from pms_backend.access.tokens.jwks import key_set
from pms_backend.access.tokens.roles import scopes_of

ISSUER_PATH: Final = "/auth/v1"
JWKS_PATH: Final = "/auth/v1/.well-known/jwks.json"
AUDIENCE: Final = "authenticated"
LEEWAY_SECONDS: Final = 30
REQUIRED_CLAIMS: Final = ("exp", "aud", "sub")

# An algorithm uses either the shared secret or the published keys, never both: otherwise a public key could be used as
# the shared secret. All other algorithms are refused.
SYMMETRIC: Final = "HS256"
ASYMMETRIC: Final = ("ES256", "RS256")

# Supabase's subjects are UUIDs; these are the characters of Django's user names.
SUBJECT: Final = re.compile(r"[A-Za-z0-9.@+_-]{1,128}")


def caller_of(token: str, header: Mapping[str, Any]) -> Caller:
    """The caller with this token, whose unverified header is `header`. Raises `InvalidToken`.

    Its scopes come from `app_metadata` only. The linked user gives the actor's name and can be deactivated.
    """
    claims = verified_claims(token, key_for(header))
    expires_at = moment(claims["exp"])
    user = user_of(claims["sub"])
    if not user.is_active:
        raise UserInactive("The user of this token is deactivated.")
    scopes = scopes_of(claims.get("app_metadata"))
    tier = DEFAULT_TIER if scopes else STOREFRONT_TIER
    actor, identity = f"user:{user.get_username()}", f"user:{user.pk}"
    credential = Credential("supabase", str(user.pk))
    return Caller(actor, scopes or STOREFRONT_SCOPES, tier, identity, expires_at, credential=credential)


def key_for(header: Mapping[str, Any]) -> PyJWK | str:
    """The key that verifies the signature, by the header's `alg` and `kid` only. Raises `InvalidToken`."""
    algorithm, kid = header.get("alg"), header.get("kid")
    if "crit" in header:
        raise InvalidToken("The token asks for an extension that is not understood here.")
    if algorithm == SYMMETRIC and settings.SUPABASE_JWT_SECRET:
        return str(settings.SUPABASE_JWT_SECRET)
    if algorithm in ASYMMETRIC and settings.SUPABASE_URL and isinstance(kid, str):
        key = key_set(settings.SUPABASE_URL + JWKS_PATH).get(kid)
        if key is not None and key.algorithm_name == algorithm:
            return key
    raise InvalidToken("The token is not signed by a key that is accepted here.")


def verified_claims(token: str, key: PyJWK | str) -> dict[str, Any]:
    """The claims of a token that passes all checks. Raises `InvalidToken`."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name if isinstance(key, PyJWK) else SYMMETRIC],
            audience=AUDIENCE,
            # With the secret alone the issuer is unknown; the secret belongs to one project only.
            issuer=settings.SUPABASE_URL + ISSUER_PATH if settings.SUPABASE_URL else None,
            leeway=LEEWAY_SECONDS,
            options={"require": list(REQUIRED_CLAIMS), "enforce_minimum_key_length": True},
        )
    except jwt.ExpiredSignatureError:
        raise ExpiredToken("The token has expired.") from None
    except jwt.PyJWTError as error:
        raise InvalidToken(_reason(error)) from None
    if not SUBJECT.fullmatch(claims["sub"]):
        raise InvalidToken("The token's subject is not the id of a user.")
    return claims


def user_of(subject: str) -> User:
    """The user linked to the subject, created with its first token."""
    link = SupabaseUser.objects.select_related("user").filter(subject=subject).first()
    return link.user if link else services.link_supabase_user(subject=subject)


def moment(seconds: Any) -> datetime:
    """A NumericDate of RFC 7519 as a moment. Raises `InvalidToken` beyond the calendar."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidToken("The token's `exp` is not a moment.") from None


def _reason(error: jwt.PyJWTError) -> str:
    for kind, words in _REASONS.items():
        if isinstance(error, kind):
            return words
    return "The token is not valid."


_REASONS: Final[dict[type[jwt.PyJWTError], str]] = {
    jwt.InvalidAudienceError: "The token is for another audience.",
    jwt.InvalidIssuerError: "The token's issuer is another.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.MissingRequiredClaimError: f"The token lacks one of {', '.join(REQUIRED_CLAIMS)}.",
}
