"""Why a token, or the request for one, is refused: a 401 each time."""

from pms_backend.api.exceptions import Unauthenticated


class InvalidToken(Unauthenticated):
    """Nothing that we take for a token."""

    code = "token_not_valid"


class ExpiredToken(InvalidToken):
    """It was good once: the holder may refresh it."""

    code = "token_expired"


class KeysUnavailable(InvalidToken):
    """The keys that it would be checked with have never been had."""

    code = "token_keys_unavailable"


class UserInactive(InvalidToken):
    """It is good, but staff have deactivated its user."""

    code = "user_inactive"


class PasswordChanged(InvalidToken):
    """Its user has another password by now."""

    code = "password_changed"


class WrongCredentials(Unauthenticated):
    """No active user has this name and this password."""

    code = "wrong_credentials"
