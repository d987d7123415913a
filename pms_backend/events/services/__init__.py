"""Recording events, publishing them, and what a receiver could not take."""

from pms_backend.events.services.receiving import events_published, receive_published
from pms_backend.events.services.recording import record, relay_bell, require_transaction
from pms_backend.events.services.relay import relay_batch, relay_pending
from pms_backend.events.services.replaying import replay_parked

__all__ = [
    "events_published",
    "receive_published",
    "record",
    "relay_batch",
    "relay_bell",
    "relay_pending",
    "replay_parked",
    "require_transaction",
]
