"""The caller of a request, whichever way it proved itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.contrib.auth.models import User
from django.http import HttpRequest

from pms_backend.access.models import INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.access.scopes import ALL_SCOPES, STOREFRONT_SCOPES
from pms_backend.access.staff_scopes import scopes_of_staff


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

    @property
    def is_staff(self) -> bool:
        """Whether it is a user of the admin, whose scopes follow from Django's permissions."""
        return self.credential is not None and self.credential.kind == "user" and not self.is_storefront


def caller_of_user(user: User, *, expires_at: datetime | None = None) -> Caller:
    """An active user as a caller: superusers may do everything, staff what Django's permissions say (`staff_scopes`).

    Others are customers. It is the same caller whether it came with a session or with a token.
    """
    actor, identity = f"user:{user.get_username()}", f"user:{user.pk}"
    scopes, tier = STOREFRONT_SCOPES, STOREFRONT_TIER
    if user.is_superuser:
        scopes, tier = frozenset(ALL_SCOPES), INTERNAL_TIER
    elif user.is_staff:
        scopes, tier = scopes_of_staff(user.get_all_permissions()), INTERNAL_TIER
    credential = Credential("user", str(user.pk), session_hash_of(user))
    return Caller(actor, scopes, tier, identity, expires_at, credential=credential)


def caller_in_admin(request: HttpRequest) -> Caller:
    """The member of staff who is logged in to the admin, with the rights that they have through the API."""
    user: User = request.user  # type: ignore[assignment]  # the admin lets nobody in without one
    return caller_of_user(user)


def session_hash_of(user: User) -> str:
    """What changes with the password, which ends sessions and tokens."""
    return user.get_session_auth_hash()
