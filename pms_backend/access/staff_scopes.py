"""The scopes of staff, derived from Django's permissions by one table.

A row names all permissions that the admin requires for what the scope allows, so that the API lets nobody do what the
admin refuses. Parts of an object (the lines of a transfer, the images of a product) have no rows of their own, as in
the admin. docs/operations.md shows the table to operators.
"""

from collections.abc import Set
from typing import Final

_PRODUCTS_READ: Final = (
    "products.view_product",
    "products.view_variant",
    "products.view_category",
    "pms_integration.view_importjob",
)
_PRODUCTS_WRITE: Final = (
    "products.add_product",
    "products.change_product",
    "products.add_variant",
    "products.change_variant",
    "products.add_category",
    "products.change_category",
    "products.delete_category",
    "pms_integration.add_importjob",
)
_INVENTORY_READ: Final = (
    "inventory.view_location",
    "inventory.view_stocklevel",
    "inventory.view_stockmovement",
    "inventory.view_reservation",
    "inventory.view_transfer",
    "inventory.view_stocktake",
)
_INVENTORY_WRITE: Final = (
    "inventory.add_location",
    "inventory.change_location",
    "inventory.add_stocklevel",
    "inventory.change_stocklevel",
    "inventory.add_reservation",
    "inventory.change_reservation",
    "inventory.add_transfer",
    "inventory.change_transfer",
    "inventory.add_stocktake",
    "inventory.change_stocktake",
    "inventory.post_stocktake",
)
_PMS_READ: Final = (
    "pms_integration.view_pmsconnection",
    "pms_integration.view_pmsevent",
    "pms_integration.view_pmsproduct",
    "pms_integration.view_pmsproductpush",
    "pms_integration.view_pmsstock",
    "pms_integration.view_pmsstockpush",
    "pms_integration.view_pmsvariant",
    "pms_integration.view_syncrun",
    "pms_integration.view_syncdifference",
)
_PMS_WRITE: Final = (
    "pms_integration.add_pmsconnection",
    "pms_integration.change_pmsconnection",
    "pms_integration.delete_pmsconnection",
    "pms_integration.change_pmsevent",
    "pms_integration.change_pmsproduct",
    "pms_integration.change_pmsproductpush",
    "pms_integration.change_pmsstock",
    "pms_integration.add_syncrun",
    "pms_integration.change_syncrun",
    "pms_integration.add_pmsstockpush",
)
_WEBHOOKS_READ: Final = (
    "webhooks.view_webhookendpoint",
    "webhooks.view_delivery",
)
_WEBHOOKS_WRITE: Final = (
    "webhooks.add_webhookendpoint",
    "webhooks.change_webhookendpoint",
    "webhooks.delete_webhookendpoint",
    "webhooks.change_delivery",
)

# A scope without permissions is for superusers only, who have every scope.
PERMISSIONS_OF_SCOPE: Final[dict[str, tuple[str, ...]]] = {
    "products:read": _PRODUCTS_READ,
    "products:write": _PRODUCTS_WRITE,
    "inventory:read": _INVENTORY_READ,
    "inventory:write": _INVENTORY_WRITE,
    "pms:read": _PMS_READ,
    "pms:write": _PMS_WRITE,
    "webhooks:read": _WEBHOOKS_READ,
    "webhooks:write": _WEBHOOKS_WRITE,
    # The feed shows everything, cost included, which requires products:write.
    "events:read": (
        "events.view_event",
        *_PRODUCTS_READ,
        *_PRODUCTS_WRITE,
        *_INVENTORY_READ,
        *_PMS_READ,
        *_WEBHOOKS_READ,
    ),
    "access:admin": (),
}


def scopes_of_staff(permissions: Set[str]) -> frozenset[str]:
    """The scopes of a member of staff who has these permissions and is not a superuser."""
    return frozenset(
        scope
        for scope, needed in PERMISSIONS_OF_SCOPE.items()
        if needed and all(_is_held(permission, permissions) for permission in needed)
    )


def staff_hint(scope: str) -> str:
    """A sentence that tells a member of staff which permissions a scope needs."""
    needed = PERMISSIONS_OF_SCOPE[scope]
    if not needed:
        return "Of the staff, only superusers have it."
    return f"Staff have it by these permissions: {', '.join(needed)}."


def _is_held(permission: str, held: Set[str]) -> bool:
    # As in the admin, a permission to change includes viewing.
    return permission in held or permission.replace(".view_", ".change_") in held
