"""Who sees what, for REST, the sockets and the feed.

A *storefront* sees published products without their cost, and availability; no drafts and no ledger. A view that is not
open to storefronts refuses them, whichever scopes they have.
"""

from typing import Any, Final, NamedTuple

from django.http import HttpRequest

from pms_backend.access.caller import Caller, caller_in_admin
from pms_backend.access.models import INTERNAL_TIER, STOREFRONT_TIER, AuditEntry

# The end of the names of fields that are costs.
COST: Final = ".cost"


class Visibility(NamedTuple):
    """What a caller sees of the objects that its scopes let it read."""

    unpublished: bool
    cost: bool
    # on_hand, reserved and the ledger; otherwise only availability.
    ledger: bool
    # Other clients' reservations and imports.
    others: bool


NOTHING = Visibility(unpublished=False, cost=False, ledger=False, others=False)


def visibility_of(caller: Any) -> Visibility:
    """What this caller (`request.auth`) sees; an anonymous one sees `NOTHING`."""
    if not isinstance(caller, Caller):
        return NOTHING
    inside = caller.tier != STOREFRONT_TIER
    return Visibility(
        unpublished=inside,
        cost=inside and "products:write" in caller.scopes,
        ledger=inside,
        others=caller.tier == INTERNAL_TIER,
    )


def sees_cost(request: HttpRequest) -> bool:
    """Whether the admin shows cost to the logged-in user, which requires `products:write`."""
    return visibility_of(caller_in_admin(request)).cost


def visible_changes(entry: AuditEntry, *, with_cost: bool) -> list[dict[str, Any]]:
    """The changes of the entry, with those of the cost for those who see cost."""
    return [change for change in entry.changes if with_cost or not change["field"].endswith(COST)]


def sees_stock(request: HttpRequest) -> bool:
    """Whether the admin shows stock to the logged-in user beside what it belongs to; a blind count depends on it."""
    return any(request.user.has_perm(f"inventory.{verb}_stocklevel") for verb in ("view", "change"))


def is_open_to(caller: Caller, view: Any, method: str) -> bool:
    """Whether the view is open to this caller; `open_to_storefronts` names the actions or methods for storefronts."""
    if not caller.is_storefront:
        return True
    name = getattr(view, "action", None) or method.lower()
    return name in getattr(view, "open_to_storefronts", ())
