"""The caller of a request, whichever way it proved itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """`request.auth` of every authenticated request."""

    actor: str
    scopes: frozenset[str]
    tier: str
    throttle_key: str

    @property
    def is_authenticated(self) -> bool:
        """Always: who is not authenticated has no Caller."""
        return True
