"""How the OpenAPI document groups operations, and the summaries that do not follow from an operation's address."""

from collections.abc import Sequence
from typing import Final

# Where a resource's addresses begin, below `/api/v1/` → what it is, in the order of docs/api-guide.md. The longest one
# that fits an address counts.
RESOURCES: Final = {
    "auth": "Tokens for people, by name and password.",
    "access": "API clients and their keys, and the audit log.",
    "products": "Products with their variants: create, change, publish, archive, export.",
    "products/images": "Pictures of products, and their uploads.",
    "products/imports": "Imports of catalogue files and their previews, with progress, changes and errors.",
    "products/variants": "Variants by themselves, each with its SKU and price.",
    "products/categories": "The category tree.",
    "inventory/adjustments": "Relative changes of stock.",
    "inventory/counts": "Absolute figures of stock, as counted.",
    "inventory/transfers": "Stock on its way from one location to another.",
    "inventory/stocktakes": "Count sheets of a location, posted in one go.",
    "inventory/levels": "Stock of a variant at a location.",
    "inventory/locations": "The places that hold stock.",
    "inventory/alerts": "Levels that are low or oversold.",
    "inventory/availability": "What can be sold of many SKUs at a time.",
    "inventory/reservations": "Stock that is promised to a client for a while.",
    "inventory/movements": "The append-only ledger of stock.",
    "pms/connections": "The connected PMSs: their secrets, locations, and how they are called.",
    "pms/products": "Products of the PMSs, and those of ours that they are linked to.",
    "pms/sync-runs": "What was asked of a PMS as a whole, and the differences that were found.",
    "pms/inventory": "Stock as the PMSs last told it, beside ours.",
    "pms/events": "Webhooks that a PMS sent, and how far they are applied.",
    "webhooks/pms": "The address that a PMS sends its signed webhooks to.",
    "events": "The gapless feed of everything that changes.",
    "webhooks/endpoints": "URLs of subscribers, which get events as signed webhooks.",
    "webhooks/deliveries": "Events on their way to endpoints, with each attempt.",
    "realtime": "Tickets for the stock WebSocket.",
}
# The last word of the resource, unless that means something else elsewhere.
TAGS: Final = {
    **{resource: resource.rpartition("/")[2] for resource in RESOURCES},
    "pms/products": "pms-products",
    "pms/inventory": "pms-inventory",
    "pms/events": "pms-events",
    "webhooks/pms": "pms-webhooks",
}

# Any other action of a viewset is named by a verb, which is the last word of its address.
VERBS: Final = {
    "list": "List",
    "create": "Create",
    "retrieve": "Get",
    "update": "Replace",
    "partial_update": "Update",
    "destroy": "Delete",
}

# By operation id.
SUMMARIES: Final = {
    "v1_access_audit_list": "List the entries of the audit log",
    "v1_access_clients_rotate_create": "Rotate the key of a client",
    "v1_auth_refresh_create": "Refresh a pair of tokens",
    "v1_auth_token_create": "Obtain a pair of tokens",
    "v1_events_retrieve": "Read the event feed",
    "v1_inventory_adjustments_bulk_create": "Adjust stock in bulk",
    "v1_inventory_adjustments_create": "Adjust stock",
    "v1_inventory_availability_create": "Get the availability of SKUs",
    "v1_inventory_counts_bulk_create": "Count stock in bulk",
    "v1_inventory_counts_create": "Count stock",
    "v1_inventory_levels_retrieve": "Get the levels of a SKU",
    "v1_inventory_movements_reverse_create": "Reverse a movement",
    "v1_inventory_stocktakes_lines_list": "List the lines of a stocktake",
    "v1_pms_connections_locations_retrieve": "List the locations of a PMS",
    "v1_pms_connections_ownership_create": "Change who owns the stock of a location",
    "v1_pms_connections_rotate_secret_create": "Rotate the secret of a connection",
    "v1_pms_connections_sync_create": "Start a sync run",
    "v1_pms_events_list": "List PMS events",
    "v1_pms_events_retrieve": "Get a PMS event",
    "v1_pms_events_retry_create": "Retry a PMS event",
    "v1_pms_events_retry_many": "Retry PMS events",
    "v1_pms_events_summary_retrieve": "Count PMS events by status",
    "v1_pms_inventory_push_create": "Push the stock of SKUs to PMSs",
    "v1_pms_inventory_list": "List the stock of PMSs beside ours",
    "products_export": "Export products",
    "v1_products_bulk_create": "Create or update products in bulk",
    "v1_products_destroy": "Archive a product",
    "v1_products_images_uploads_create": "Create an address to upload an image to",
    "v1_products_imports_create": "Start an import or its preview",
    "v1_products_imports_changes_list": "List what an import did or would do with products",
    "v1_products_imports_errors_retrieve": "Download the refused lines of an import",
    "v1_realtime_tickets_create": "Create a socket ticket",
    "v1_pms_products_list": "List PMS products",
    "v1_pms_products_retrieve": "Get a PMS product",
    "v1_pms_products_link_create": "Link a PMS product with a product",
    "v1_pms_products_resolve_create": "Resolve conflicts of a PMS product",
    "v1_pms_products_publish_create": "Publish products to PMSs",
    "v1_pms_sync_runs_differences_list": "List the differences of a sync run",
    "v1_webhooks_deliveries_redeliver_create": "Send a delivery again",
    "v1_webhooks_endpoints_replay_create": "Replay events to an endpoint",
    "v1_webhooks_endpoints_rotate_secret_create": "Rotate the secret of an endpoint",
    "v1_webhooks_pms_create": "Receive a PMS webhook",
}

# The query parameters whose filters do not describe themselves.
PARAMETERS: Final = {
    "action": "What was done, such as `client.created`",
    "actor": "Who did it, such as `client:shop` or `user:ada`",
    "barcode": "A barcode, whole",
    "below_reorder_point": "Those whose `available` is below their reorder point, or the others",
    "brand": "A brand, whole",
    "connection": "The slug of a connection",
    "counted": "The lines that are counted, or those that are not",
    "differs": "Those whose figures differ, or the others",
    "endpoint": "The id of an endpoint",
    "event": "The id of an event in the feed",
    "external_id": "The id in the PMS",
    "format": "The format of the file",
    "from": "The code of the location that sends",
    "handle": "A handle, in any spelling that leads to it",
    "in_stock": "Those with units to sell, or the others",
    "limit": "How many events at most",
    "location": "The code of a location",
    "name": "A name, whole",
    "product": "The id of a product",
    "reference": "A reference of yours, whole",
    "request_id": "The `X-Request-Id` of a request",
    "since": "The beginning of the period, RFC 3339",
    "sku": "A SKU, regardless of case",
    "subject": "What it is about, such as `product:12`",
    "tag": "A tag, whole",
    "tier": "A tier of rate limits",
    "to": "The code of the location that receives",
    "type": "A type, whole",
    "until": "The end of the period, RFC 3339",
    "updated_after": "Changed later than this, RFC 3339",
}


def tag_of(words: Sequence[str]) -> str:
    """The tag of an address, given as its words below `/api/v1/`. Raises `ValueError` where no resource fits."""
    address = "/".join(words)
    return TAGS[max((resource for resource in TAGS if f"{address}/".startswith(f"{resource}/")), key=len)]


def summary_of(operation_id: str, words: Sequence[str], *, action: str) -> str:
    """What an operation does, such as `Publish a product`."""
    if operation_id in SUMMARIES:
        return SUMMARIES[operation_id]
    *_, plural, verb = (word.replace("-", " ") for word in ([*words, VERBS[action]] if action in VERBS else words))
    if action == "list":
        return f"{verb} {plural}"
    singular = f"{plural[:-3]}y" if plural.endswith("ies") else plural.removesuffix("s")
    return f"{verb.capitalize()} {'an' if singular[0] in 'aeiou' else 'a'} {singular}"
