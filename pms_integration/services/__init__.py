"""The writes of the PMS integration."""

from pms_integration.services.connections import create_connection, map_location, rotate_secret
from pms_integration.services.events import apply_due_events, apply_event, receive_event, retry_event, wake_deferred
from pms_integration.services.retention import prune_event_bodies
