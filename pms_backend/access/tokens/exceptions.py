"""Errors of tokens; each is a 401."""

from pms_backend.api.exceptions import Unauthenticated


class InvalidToken(Unauthenticated, code="token_not_valid"):
    """The token is not valid here."""


class ExpiredToken(InvalidToken, code="token_expired"):
    """The token has expired; a refresh gives a new one."""


class KeysUnavailable(InvalidToken, code="token_keys_unavailable"):
    """The keys to verify the token could not be fetched yet."""


class UserInactive(InvalidToken, code="user_inactive"):
    """The token is valid, but its user is deactivated."""


class PasswordChanged(InvalidToken, code="password_changed"):
    """The user's password was changed after the token was issued."""


class WrongCredentials(Unauthenticated, code="wrong_credentials"):
    """No active user has this name and this password."""
