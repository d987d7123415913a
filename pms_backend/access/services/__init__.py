"""What changes who may call."""

from pms_backend.access.services.audit import Published, audit_published, record_audit
from pms_backend.access.services.clients import (
    DEFAULT_OVERLAP,
    MAX_OVERLAP,
    Credentials,
    create_api_client,
    note_use,
    revoke_api_client,
    rotate_keys,
    update_api_client,
)
from pms_backend.access.services.nonces import prune_nonces, use_nonce

__all__ = [
    "DEFAULT_OVERLAP",
    "MAX_OVERLAP",
    "Credentials",
    "Published",
    "audit_published",
    "create_api_client",
    "note_use",
    "prune_nonces",
    "record_audit",
    "revoke_api_client",
    "rotate_keys",
    "update_api_client",
    "use_nonce",
]
