"""Examples of requests and answers for the OpenAPI document, by operation id."""

from typing import Any, Final

_IMPORT: Final[dict[str, Any]] = {
    "id": 7,
    "dry_run": False,
    "preview": None,
    "status": "running",
    "error": "",
    "format": "csv",
    "file_name": "products.csv",
    "location": "main",
    "processed": 250,
    "total": 400,
    "created": 20,
    "updated": 90,
    "unchanged": 10,
    "failed": 1,
    "errors": [{"line": 17, "column": "Variant Price", "code": "invalid", "detail": "A valid number is required."}],
    "error_count": 1,
    "warnings": [],
    "warning_count": 0,
    "created_at": "2026-01-31T12:00:00Z",
    "started_at": "2026-01-31T12:00:01Z",
    "finished_at": None,
}

REQUESTS: Final[dict[str, Any]] = {
    "v1_products_imports_create": {"file": "products.csv", "location": "main", "dry_run": True},
    "v1_pms_connections_create": {
        "slug": "till",
        "name": "Tills of the shop",
        "kind": "standard",
        "base_url": "https://pms.example.com/api/",
        "credentials": {"token": "a-token-of-the-pms"},
        "ownership": {"content": "local", "price": "local", "publication": "shared"},
        "locations": [{"location": "main", "external_id": "MAIN-1", "owns_stock": False}],
        "publishes": {"mode": "all", "categories": ["kitchen"]},
        "sync_every_seconds": 3600,
    },
    "v1_pms_connections_partial_update": {"name": "Tills", "ownership": {"price": "shared"}},
    "v1_pms_connections_ownership_create": {"location": "main", "owner": "pms", "opening": "local"},
    "v1_pms_connections_rotate_secret_create": {"at_once": True},
    "v1_pms_connections_sync_create": {"mode": "full", "resources": ["products", "stock"], "dry_run": True},
    "v1_pms_events_retry_many": {"connection": "demo", "status": "dead", "since": "2026-01-31T00:00:00Z"},
    "v1_pms_inventory_push_create": {"skus": ["MUG-BLUE"], "connections": ["demo"]},
    "v1_pms_products_link_create": {"connection": "demo", "external_id": "7", "product": 12},
    "v1_pms_products_resolve_create": {"price": "local"},
    "v1_pms_products_publish_create": {"products": [12], "connections": ["demo"]},
}

RESPONSES: Final[dict[str, Any]] = {
    "v1_products_imports_create": {**_IMPORT, "dry_run": True, "status": "pending", "processed": 0, "total": None},
    "v1_products_imports_retrieve": _IMPORT,
}
