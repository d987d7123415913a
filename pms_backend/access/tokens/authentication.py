"""Authentication by `Authorization: Bearer TOKEN`."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from pms_backend.access.caller import Caller
from pms_backend.access.tokens.callers import KEYWORD, caller_of_token, token_in
from pms_backend.access.tokens.exceptions import InvalidToken
from pms_backend.api import context


class TokenRefused(AuthenticationFailed):
    """An `InvalidToken` as a DRF exception, so that DRF adds `WWW-Authenticate`."""

    def __init__(self, error: InvalidToken) -> None:
        super().__init__(error.detail)
        self.default_code = error.code


class BearerAuthentication(BaseAuthentication):
    """Authenticates by tokens of Supabase and our own."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        """The caller; None where no token was sent. Raises 401 for an invalid token."""
        token = token_in(request.headers.get("Authorization", ""))
        if token is None:
            return None
        try:
            caller = caller_of_token(token)
        except InvalidToken as error:
            raise TokenRefused(error) from None
        context.set_actor(caller.actor)
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        """The `WWW-Authenticate` header of a 401."""
        return KEYWORD


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tokens in the schema."""

    target_class = BearerAuthentication
    name = "Bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A JWT in the header."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
