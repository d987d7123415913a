"""What changes who may call."""

from pms_backend.access.services.clients import (
    create_api_client,
    note_use,
    revoke_api_client,
    rotate_keys,
    update_api_client,
)
from pms_backend.access.services.nonces import prune_nonces, use_nonce

__all__ = [
    "create_api_client",
    "note_use",
    "prune_nonces",
    "revoke_api_client",
    "rotate_keys",
    "update_api_client",
    "use_nonce",
]
