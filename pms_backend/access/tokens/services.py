"""Services of tokens: link users, issue, rotate, delete expired ones."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import BlacklistMixin, RefreshToken
from rest_framework_simplejwt.utils import datetime_from_epoch

from pms_backend.access.models import SupabaseUser
from pms_backend.access.tokens import local
from pms_backend.access.tokens.exceptions import InvalidToken

USERNAME_PREFIX: Final = "supabase-"
# Longer than any leeway, so that a used token stays known as used while it could still be valid.
KEEP_EXPIRED_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An `access` token for requests, and a `refresh` token for the next pair."""

    access: str
    refresh: str


def link_supabase_user(*, subject: str) -> User:
    """Creates a user without rights for a Supabase subject, or returns the one that a concurrent request created.

    An existing user is never taken over: where the name is taken it raises `InvalidToken`.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(f"{USERNAME_PREFIX}{subject}")
            SupabaseUser.objects.create(subject=subject, user=user)
            return user
    except IntegrityError:
        link = SupabaseUser.objects.select_related("user").filter(subject=subject).first()
    if link is None:
        raise InvalidToken(f"The user name {USERNAME_PREFIX}{subject} is taken.")
    return link.user


@transaction.atomic
def issue_tokens(*, user: User) -> TokenPair:
    """Issues a first pair to an authenticated user."""
    refresh = _Refresh.for_user(user)
    OutstandingToken.objects.create(
        user=user,
        jti=refresh["jti"],
        created_at=refresh.current_time,
        expires_at=datetime_from_epoch(refresh["exp"]),
    )
    return TokenPair(access=str(refresh.access_token), refresh=str(refresh))


@transaction.atomic
def rotate_tokens(*, refresh: str) -> TokenPair:
    """Exchanges a refresh token, which can be used once, for the next pair. Raises `InvalidToken`."""
    used = local.read_refresh(refresh)
    user = local.user_of(used)
    outstanding = OutstandingToken.objects.filter(jti=used["jti"]).first()
    if outstanding is None or not BlacklistedToken.objects.get_or_create(token=outstanding)[1]:
        raise InvalidToken("The refresh token was used before.")
    return issue_tokens(user=user)


def flush_expired_tokens() -> int:
    """Deletes refresh tokens that expired at least `KEEP_EXPIRED_FOR` ago; returns how many rows."""
    return OutstandingToken.objects.filter(expires_at__lt=timezone.now() - KEEP_EXPIRED_FOR).delete()[0]


class _Refresh(RefreshToken):
    """A refresh token whose text is not stored, so that a copy of the database holds no usable tokens."""

    @classmethod
    def for_user(cls, user: Any) -> Any:
        """Creates the token without the row that the library would write."""
        return super(BlacklistMixin, cls).for_user(user)
