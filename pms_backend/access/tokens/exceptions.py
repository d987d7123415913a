"""Errors of tokens; each is a 401."""

from pms_backend.api.exceptions import Unauthenticated


class InvalidToken(Unauthenticated):
    """The token is not valid here."""

    code = "token_not_valid"


class ExpiredToken(InvalidToken):
    """The token has expired; a refresh gives a new one."""

    code = "token_expired"


class KeysUnavailable(InvalidToken):
    """The keys to verify the token could not be fetched yet."""

    code = "token_keys_unavailable"


class UserInactive(InvalidToken):
    """The token is valid, but its user is deactivated."""

    code = "user_inactive"


class PasswordChanged(InvalidToken):
    """The user's password was changed after the token was issued."""

    code = "password_changed"


class WrongCredentials(Unauthenticated):
    """No active user has this name and this password."""

    code = "wrong_credentials"
