"""Examples of requests and answers for the OpenAPI document, by operation id."""

from typing import Any, Final

_CLIENT: Final[dict[str, Any]] = {
    "id": "AbCd1234",
    "name": "Web shop",
    "scopes": ["products:read", "inventory:read"],
    "tier": "storefront",
    "state": "active",
    "expires_at": None,
    "last_used_at": None,
    "signing_key_ids": [],
    "created_at": "2026-01-31T12:00:00Z",
    "revoked_at": None,
}

REQUESTS: Final[dict[str, Any]] = {
    "v1_access_clients_create": {
        "name": "Web shop",
        "scopes": ["products:read", "inventory:read"],
        "tier": "storefront",
    },
    "v1_access_clients_partial_update": {"scopes": ["products:read"], "expires_at": "2030-12-31T23:59:59Z"},
    "v1_access_clients_rotate_create": {"overlap_seconds": 3600},
    "v1_auth_token_create": {"username": "ada", "password": "correct horse battery staple"},
    "v1_auth_refresh_create": {"refresh": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2ln"},
}

RESPONSES: Final[dict[str, Any]] = {
    "v1_access_clients_create": {
        **_CLIENT,
        "api_key": "AbCd1234.0123456789abcdefghijklmnopqrstuv",
        "signing_key_id": None,
        "signing_key": None,
    },
    "v1_realtime_tickets_create": {
        "ticket": "0nD6UsvZc4pE0YfQmJk5yTrhX2aLwBgN",
        "expires_at": "2026-01-31T12:00:30Z",
    },
}
