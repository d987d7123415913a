"""Tokens of our own, for installations without Supabase: they name a user, whose rights stay in the database."""

from typing import Final, TypeVar

from django.conf import settings
from django.contrib.auth.models import User
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token
from rest_framework_simplejwt.utils import datetime_from_epoch, get_md5_hash_password

from pms_backend.access.caller import Caller, caller_of_user
from pms_backend.access.tokens.exceptions import ExpiredToken, InvalidToken, PasswordChanged, UserInactive

ISSUER: Final = str(settings.SIMPLE_JWT["ISSUER"])

Kind = TypeVar("Kind", bound=Token)


def caller_of(token: str) -> Caller:
    """The caller with this access token, with its current rights. Raises `InvalidToken`."""
    access = read(AccessToken, token)
    return caller_of_user(user_of(access), expires_at=datetime_from_epoch(access["exp"]))


def read_refresh(token: str) -> RefreshToken:
    """A valid refresh token that was not used yet. Raises `InvalidToken`."""
    return read(RefreshToken, token)


def read(kind: type[Kind], token: str) -> Kind:
    """A verified token of this kind. Raises `InvalidToken`."""
    try:
        return kind(token)  # type: ignore[arg-type]  # the library's annotation is wrong: it accepts str
    except ExpiredTokenError:
        raise ExpiredToken("The token has expired.") from None
    except (TokenError, KeyError, ValueError, OverflowError):
        raise InvalidToken("The token is not valid.") from None


def user_of(token: Token) -> User:
    """The token's user. Raises `UserInactive`, `PasswordChanged`, or `InvalidToken` where it does not exist."""
    user = User.objects.filter(pk=token.get(api_settings.USER_ID_CLAIM)).first()
    if user is None:
        raise InvalidToken("The user of this token does not exist.")
    if not user.is_active:
        raise UserInactive("The user of this token is deactivated.")
    if token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise PasswordChanged("The user's password was changed since.")
    return user
