"""Who sees what: said here alone, and asked for here by REST, the sockets and the feed.

A *storefront* sees what is published, without its cost, and what of it is available: no drafts, no ledger. Whatever a
view does not open to storefronts is closed to them, whichever scopes they have.
"""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from pms_backend.access.caller import Caller, caller_in_admin
from pms_backend.access.models import INTERNAL_TIER


@dataclass(frozen=True, slots=True)
class Visibility:
    """What a caller sees of things that it may ask for at all."""

    unpublished: bool
    cost: bool
    # What is on hand and reserved, and the ledger that explains it; otherwise only what is available.
    ledger: bool
    # What other clients have reserved and imported.
    others: bool


NOTHING = Visibility(unpublished=False, cost=False, ledger=False, others=False)


def visibility_of(caller: Any) -> Visibility:
    """What this caller (`request.auth`) sees; nobody sees as little as can be."""
    if not isinstance(caller, Caller):
        return NOTHING
    inside = not caller.is_storefront
    return Visibility(
        unpublished=inside,
        cost=inside and "products:write" in caller.scopes,
        ledger=inside,
        others=caller.tier == INTERNAL_TIER,
    )


def sees_cost(request: HttpRequest) -> bool:
    """Whether the admin shows cost to the member of staff, which it does to those with `products:write`."""
    return visibility_of(caller_in_admin(request)).cost


def is_open_to(caller: Caller, view: Any, method: str) -> bool:
    """Whether the view is for this kind of caller: `open_to_storefronts` names its actions, or methods, that are."""
    if not caller.is_storefront:
        return True
    name = getattr(view, "action", None) or method.lower()
    return name in getattr(view, "open_to_storefronts", ())
