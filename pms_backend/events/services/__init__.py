"""Services of the outbox: record, publish, replay and prune events, go on after a restore."""

from pms_backend.events.services.receiving import events_published, receive_published
from pms_backend.events.services.recording import record, relay_wake_up, require_transaction
from pms_backend.events.services.relay import relay_batch, relay_pending
from pms_backend.events.services.replaying import replay_parked
from pms_backend.events.services.restoring import skip_after_restore
from pms_backend.events.services.retention import prune_events
