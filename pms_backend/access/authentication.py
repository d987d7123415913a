"""Authentication by API key and by the admin session of staff."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from pms_backend.access import key_cache, services
from pms_backend.access.addresses import client_address
from pms_backend.access.caller import Caller, Credential, caller_of_user
from pms_backend.access.models import ApiKey, SigningKey
from pms_backend.access.signatures import verify_signature
from pms_backend.access.tokens.callers import caller_of_token, token_in
from pms_backend.access.tokens.exceptions import InvalidToken
from pms_backend.api import context
from pms_backend.api.transactions import register_first_write

KEYWORD = "Api-Key"
_KEYWORD_IN_LOWER_CASE = KEYWORD.lower()
MAX_KEY_LENGTH = 200


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticates by `Authorization: Api-Key` or `X-Api-Key`, and checks the signature of signing clients."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        """The caller; None where no key was sent. Raises 401 for an invalid key or an invalid signature of a write."""
        key = key_in(request.headers.get("Authorization", ""), request.headers.get("X-Api-Key", ""))
        if key is None:
            return None
        caller = caller_of_key(key, request._request)
        if caller is None:
            raise AuthenticationFailed("The API key is unknown, revoked or expired.")
        context.set_actor(caller.actor)
        if caller.signing_client_id is not None and request.method not in SAFE_METHODS:
            self._require_signature(request._request, caller.signing_client_id)
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        """The `WWW-Authenticate` header of a 401."""
        return KEYWORD

    def _require_signature(self, request: HttpRequest, client_id: int) -> None:
        signing_key, nonce = verify_signature(request, client_id=client_id)
        register_first_write(request, lambda: services.use_nonce(signing_key=signing_key, nonce=nonce))


class StaffSessionAuthentication(SessionAuthentication):
    """Authenticates by the admin session, with CSRF protection."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        """The member of staff, with the scopes that follow from Django's permissions; None for other users."""
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        if not user.is_staff:
            return None
        caller = caller_of_user(user)
        context.set_actor(caller.actor)
        return user, caller


def caller_of_headers(headers: Mapping[str, str]) -> Caller | None:
    """The caller whose valid key or token is in the headers (names in lower case), else None."""
    authorization = headers.get("authorization", "")
    if key := key_in(authorization, headers.get("x-api-key", "")):
        return caller_of_key(key)
    token = token_in(authorization)
    try:
        return None if token is None else caller_of_token(token)
    except InvalidToken:
        return None


def key_in(authorization: str, x_api_key: str) -> str | None:
    """The key in either header, else None."""
    keyword, _, key = authorization.partition(" ")
    if keyword.lower() == _KEYWORD_IN_LOWER_CASE:
        return key.strip()
    return x_api_key.strip() or None


def caller_of_key(key: str, request: HttpRequest | None = None) -> Caller | None:
    """The caller with this key: found by its prefix, compared in constant time, cached for seconds."""
    if len(key) > MAX_KEY_LENGTH or "\x00" in key:
        return None
    generation = key_cache.generation_for(request)
    caller = key_cache.get(key, generation)
    if caller is None:
        caller = _look_up(key, request)
        if caller is not None:
            key_cache.store(key, caller, generation)
    return caller


def _look_up(key: str, request: HttpRequest | None) -> Caller | None:
    found = keys_of(key.partition(".")[0]).first()
    if found is None or not ApiKey.objects.key_generator.verify(key, found.hashed_key):
        return None
    if request is None:
        services.note_use(client=found.client)
    else:
        asked = f"{request.method} {request.path}"
        services.note_use(client=found.client, request=asked, address=client_address(request))
    return caller_of_found(found)


def keys_of(*prefixes: str) -> QuerySet[ApiKey]:
    """The usable keys with these prefixes, with everything that `caller_of_found` reads."""
    keys: QuerySet[ApiKey] = ApiKey.objects.usable(*prefixes).select_related("client").annotate(signs=_SIGNS)
    return keys


def caller_of_found(found: Any) -> Caller:
    """The caller of a key that `keys_of` found."""
    client = found.client
    expiries = [moment for moment in (found.expiry_date, client.expires_at) if moment is not None]
    return Caller(
        actor=f"client:{client.name}",
        scopes=frozenset(client.scopes),
        tier=client.tier,
        identity=f"client:{client.public_id}",
        expires_at=min(expiries, default=None),
        signing_client_id=client.pk if found.signs else None,
        credential=Credential("key", found.prefix),
    )


# A client whose signing keys have all expired still has to sign.
_SIGNS: Final = Exists(SigningKey.objects.filter(client=OuterRef("client")))


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """API keys in the schema."""

    target_class = ApiKeyAuthentication
    name = ["ApiKey", "XApiKey"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        """Both forms of the header."""
        return [
            {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Api-Key KEY`"},
            {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        ]


class StaffSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The admin session in the schema."""

    target_class = StaffSessionAuthentication
    name = "AdminSession"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Django's session cookie."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
