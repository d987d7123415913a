"""The errors of outbound webhooks."""

from pms_backend.api.exceptions import Conflict, Gone, Invalid


class InvalidEndpointURL(Invalid, code="invalid_url"):
    """Webhooks cannot be sent to this URL."""


class InvalidHeaders(Invalid, code="invalid_headers"):
    """A header cannot be sent, or is one of ours."""


class InvalidEventType(Invalid, code="unknown_event_type"):
    """No event has this type, or begins like this."""


class EndpointIsDisabled(Conflict, code="endpoint_disabled"):
    """Nothing is sent to a disabled endpoint."""


class EventExpired(Gone, code="event_expired"):
    """The event of the delivery is not kept any more."""
