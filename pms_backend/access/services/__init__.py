"""Services of API clients, tickets, nonces, history and the audit log."""

from pms_backend.access.services.audit import LOGIN, prune_audit_log, record_failed_login
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
from pms_backend.access.services.history import (
    CHANGE_COUNT,
    HIDDEN,
    MAX_CHANGES,
    FieldChange,
    HistoryEntry,
    changes_between,
    collected,
    record_audit,
    record_history,
    values_of,
)
from pms_backend.access.services.nonces import prune_nonces, use_nonce
from pms_backend.access.services.tickets import Ticket, issue_ticket, prune_tickets, redeem_ticket
