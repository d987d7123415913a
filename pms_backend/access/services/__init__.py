"""Services of API clients, tickets, nonces and the audit log."""

from pms_backend.access.services.audit import (
    Published,
    audit_published,
    prune_audit_log,
    record_audit,
    record_failed_login,
)
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
from pms_backend.access.services.tickets import Ticket, issue_ticket, prune_tickets, redeem_ticket

__all__ = [
    "DEFAULT_OVERLAP",
    "MAX_OVERLAP",
    "Credentials",
    "Published",
    "Ticket",
    "audit_published",
    "create_api_client",
    "issue_ticket",
    "note_use",
    "prune_audit_log",
    "prune_nonces",
    "prune_tickets",
    "record_audit",
    "record_failed_login",
    "redeem_ticket",
    "revoke_api_client",
    "rotate_keys",
    "update_api_client",
    "use_nonce",
]
