"""Examples of requests and answers for the OpenAPI document, by operation id."""

from typing import Any, Final

REQUESTS: Final[dict[str, Any]] = {
    "v1_webhooks_endpoints_create": {
        "url": "https://shop.example.com/webhooks/",
        "description": "Stock of the web shop",
        "event_types": ["stock.*", "product.updated"],
        "headers": {"X-Shop": "berlin"},
    },
    "v1_webhooks_endpoints_partial_update": {"event_types": ["stock.changed"]},
    "v1_webhooks_endpoints_rotate_secret_create": {"at_once": True},
    "v1_webhooks_endpoints_enable_create": {"replay": True},
    "v1_webhooks_endpoints_replay_create": {"since": "2026-01-31T00:00:00Z", "until": "2026-01-31T12:00:00Z"},
    "v1_webhooks_pms_create": {
        "type": "inventory.updated",
        "timestamp": "2026-01-31T12:00:00Z",
        "data": {"sku": "MUG-BLUE", "location": "main", "on_hand": 19},
    },
}

RESPONSES: Final[dict[str, Any]] = {
    "v1_webhooks_pms_create": {"id": "msg_2b1f", "status": "received"},
}
