"""The domain events of outbound webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pms_backend.events.domain_events import DomainEvent

TEST = "webhook.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointEvent(DomainEvent):
    """What is announced of an endpoint; `owner` is the identity of its client, empty for staff's.

    Without the URL, which may hold a token: the feed shows all events to all who read it.
    """

    id: int
    owner: str

    @property
    def subject(self) -> str:
        """`endpoint:ID`."""
        return f"endpoint:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFailing(EndpointEvent, type="endpoint.failing"):
    """No delivery to the endpoint has succeeded for a day, or for three; after five days it is disabled."""

    failing_since: Annotated[str, datetime]
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDisabled(EndpointEvent, type="endpoint.disabled"):
    """The endpoint gets nothing any more. `resume_after` is the sequence up to which it has its events."""

    reason: str
    resume_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTest(EndpointEvent, type=TEST):
    """Somebody tries the endpoint; no other endpoint gets this event."""
