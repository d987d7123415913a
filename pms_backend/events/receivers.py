"""What this package itself does with published events."""

from collections.abc import Sequence

from pms_backend.access import services as access
from pms_backend.events.models import Event
from pms_backend.events.services import receive_published


def connect() -> None:
    """Called once, when the apps are ready."""
    receive_published("audit log", write_audit_log)


def write_audit_log(events: Sequence[Event]) -> None:
    """Writes down what people and programs did."""
    access.audit_published(
        events=[
            access.Published(
                event.sequence or 0, event.type, event.subject, event.actor, event.request_id, event.occurred_at
            )
            for event in events
        ]
    )
