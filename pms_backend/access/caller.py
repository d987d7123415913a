"""The caller of a request, whichever way it proved itself."""

from dataclasses import dataclass
from datetime import datetime

from pms_backend.access.models import STOREFRONT_TIER


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

    @property
    def is_authenticated(self) -> bool:
        """Always: who is not authenticated has no Caller."""
        return True

    @property
    def is_storefront(self) -> bool:
        """Whether it sees only what is published."""
        return self.tier == STOREFRONT_TIER
