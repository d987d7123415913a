"""The caller of a token, by its issuer."""

from typing import Final

import jwt

from pms_backend.access.caller import Caller
from pms_backend.access.tokens import local, supabase
from pms_backend.access.tokens.exceptions import InvalidToken

KEYWORD: Final = "Bearer"
MAX_TOKEN_LENGTH: Final = 8 * 1024


def token_in(authorization: str) -> str | None:
    """The token in an `Authorization` header, not validated; None for another scheme."""
    keyword, _, token = authorization.strip().partition(" ")
    return token.strip() if keyword.lower() == KEYWORD.lower() else None


def caller_of_token(token: str) -> Caller:
    """The caller with this token. Raises `InvalidToken`.

    The unverified issuer only selects the verifier; each verifier has its own key, issuer and audience.
    """
    if not token.isascii() or len(token) > MAX_TOKEN_LENGTH:
        raise InvalidToken(f"A token has at most {MAX_TOKEN_LENGTH} characters, all of them ASCII.")
    try:
        unverified = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise InvalidToken("This is not a token.") from None
    if unverified["payload"].get("iss") == local.ISSUER:
        return local.caller_of(token)
    return supabase.caller_of(token, unverified["header"])
