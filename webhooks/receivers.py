"""Receiver of published events that makes their deliveries."""

from pms_backend.events.services import receive_published
from webhooks.services.recording import record_deliveries


def connect() -> None:
    """Connects the receiver; called once, when the apps are ready."""
    receive_published("webhooks.record_deliveries", record_deliveries)
