"""Nobody gives what they do not have: the rule of all writes that decide who may do what."""

from collections.abc import Iterable
from typing import Final

from pms_backend.access.caller import Caller
from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.api.exceptions import FieldError, Forbidden

# Less than any caller that may make clients has.
GIVEN_BY_ALL: Final = frozenset({DEFAULT_TIER, STOREFRONT_TIER})


def require_may_give(giver: Caller | None, *, scopes: Iterable[str], tier: str) -> None:
    """Raises `Forbidden` where a client with these scopes and this tier has more than `giver`.

    Without a giver it is the shell, which may give everything.
    """
    if giver is None:
        return
    if missing := sorted(set(scopes) - giver.scopes):
        _refuse("scopes", f"the {'scope' if len(missing) == 1 else 'scopes'} {', '.join(missing)}")
    if not _has_tier(giver, tier):
        _refuse("tier", f"the tier {tier}")


def _has_tier(giver: Caller, tier: str) -> bool:
    # All staff are internal, for what they see. It is theirs to give when they decide who may call.
    if giver.tier == INTERNAL_TIER:
        return tier in GIVEN_BY_ALL or "access:admin" in giver.scopes
    return tier in GIVEN_BY_ALL or tier == giver.tier


def _refuse(field: str, needed: str) -> None:
    detail = f"Nobody gives what they do not have: this needs {needed}."
    raise Forbidden(detail, errors=[FieldError(f"/{field}", Forbidden.code, detail)])
