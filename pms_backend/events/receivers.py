"""Receiver of published events that writes the audit log."""

from collections.abc import Sequence

from pms_backend.access import services as access
from pms_backend.events.models import Event
from pms_backend.events.services import receive_published


def connect() -> None:
    """Connects the receiver; called once, when the apps are ready."""
    receive_published("audit log", write_audit_log)


def write_audit_log(events: Sequence[Event]) -> None:
    """Adds what people and programs did to the audit log."""
    access.audit_published(
        events=[
            access.Published(
                event.sequence or 0, event.type, event.subject, event.actor, event.request_id, event.occurred_at
            )
            for event in events
        ]
    )
