"""The authenticated caller of a request, whatever the kind of its credential."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.contrib.auth.models import User
from django.http import HttpRequest

from pms_backend.access.models import INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.access.rates import known_tiers
from pms_backend.access.scopes import ALL_SCOPES, STOREFRONT_SCOPES
from pms_backend.access.staff_scopes import scopes_of_staff
from pms_backend.api.routes import STAFF
from pms_backend.metrics import OTHER


@dataclass(frozen=True, slots=True)
class Credential:
    """How to look the caller's credential up again; it holds no secret.

    `name` is a key's prefix or a user's primary key; `session_hash` changes with the user's password.
    """

    kind: Literal["key", "user", "supabase"]
    name: str
    session_hash: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """`request.auth` of every authenticated request.

    `actor` is the name in events and logs. `identity` is unique and never reused: rate limits, idempotency keys and
    reservations belong to it. `expires_at` is when the credential expires.
    """

    actor: str
    scopes: frozenset[str]
    tier: str
    identity: str
    expires_at: datetime | None = None
    # The primary key of a client that signs its writes; None for other callers.
    signing_client_id: int | None = None
    credential: Credential | None = None

    @property
    def is_authenticated(self) -> bool:
        """Always true; an anonymous request has no Caller."""
        return True

    @property
    def audience(self) -> str:
        """The name of its tier in metrics and log lines: `staff`, a tier that exists, or `other`."""
        if self.is_staff:
            return STAFF
        return self.tier if self.tier in known_tiers() else OTHER

    @property
    def is_storefront(self) -> bool:
        """Whether it sees published products only."""
        return self.tier == STOREFRONT_TIER

    @property
    def is_staff(self) -> bool:
        """Whether it is a member of staff, whose scopes follow from Django's permissions."""
        return self.credential is not None and self.credential.kind == "user" and not self.is_storefront


def caller_of_user(user: User, *, expires_at: datetime | None = None) -> Caller:
    """The caller for an active user: superusers have all scopes, staff those of `staff_scopes`, others are customers.

    A session and a token of the same user make the same caller.
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
    """The caller for the member of staff who is logged in to the admin."""
    user: User = request.user  # type: ignore[assignment]  # the admin lets nobody in without one
    return caller_of_user(user)


def session_hash_of(user: User) -> str:
    """Django's session hash, which changes with the password."""
    return user.get_session_auth_hash()
