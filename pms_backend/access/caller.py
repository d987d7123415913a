"""The caller of a request, whichever way it proved itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.contrib.auth.models import User

from pms_backend.access.models import INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.access.scopes import ALL_SCOPES, STAFF_SCOPES, STOREFRONT_SCOPES


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller proved itself with, as far as it takes to look it up again: no secret.

    `name` is a key's prefix or a user's primary key; `seal` changes with the user's password.
    """

    kind: Literal["key", "user", "supabase"]
    name: str
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """`request.auth` of every authenticated request.

    `actor` is the name in events and logs. `identity` is unique and lasts as long as the client or user does: limits,
    idempotency keys and reservations are its own. At `expires_at` the credential ends.
    """

    actor: str
    scopes: frozenset[str]
    tier: str
    identity: str
    expires_at: datetime | None = None
    # The client that signs its writes, by primary key; nothing for callers that do not.
    signing_client_id: int | None = None
    credential: Credential | None = None

    @property
    def is_authenticated(self) -> bool:
        """Always: who is not authenticated has no Caller."""
        return True

    @property
    def is_storefront(self) -> bool:
        """Whether it sees only what is published."""
        return self.tier == STOREFRONT_TIER


def caller_of_user(user: User, *, expires_at: datetime | None = None) -> Caller:
    """An active user as a caller: superusers may do everything, staff all but `access:admin`; others are customers.

    It is the same caller whether it came with a session or with a token.
    """
    actor, identity = f"user:{user.get_username()}", f"user:{user.pk}"
    scopes, tier = STOREFRONT_SCOPES, STOREFRONT_TIER
    if user.is_superuser:
        scopes, tier = frozenset(ALL_SCOPES), INTERNAL_TIER
    elif user.is_staff:
        scopes, tier = STAFF_SCOPES, INTERNAL_TIER
    credential = Credential("user", str(user.pk), seal_of(user))
    return Caller(actor, scopes, tier, identity, expires_at, credential=credential)


def seal_of(user: User) -> str:
    """What changes with the password, which ends sessions and tokens."""
    return user.get_session_auth_hash()
