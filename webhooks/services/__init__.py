"""The writes of outbound webhooks."""

from webhooks.services.endpoints import (
    check_endpoint_url,
    create_endpoint,
    delete_endpoint,
    enable_endpoint,
    rotate_secret,
    send_test,
    update_endpoint,
)
from webhooks.services.health import check_failing_endpoints
from webhooks.services.recording import forget_last_sequences, record_deliveries
from webhooks.services.replaying import redeliver, replay_events
from webhooks.services.retention import prune_deliveries
from webhooks.services.sending import send_due_deliveries
