"""The scopes that a caller may have. None implies another."""

from typing import Final

ALL_SCOPES: Final = (
    "products:read",
    "products:write",
    "inventory:read",
    "inventory:write",
    "pms:read",
    "pms:write",
    "webhooks:read",
    "webhooks:write",
    "events:read",
    "access:admin",
)

INVENTORY_READ: Final = "inventory:read"

# The scopes of a customer. Views that are not open to storefronts refuse them despite these scopes.
STOREFRONT_SCOPES: Final = frozenset({"products:read", INVENTORY_READ})


def read_write(area: str) -> dict[str, str]:
    """What a view of `area` requires: its read scope for safe methods, its write scope for the others."""
    return {"read": f"{area}:read", "write": f"{area}:write"}
