"""Errors of the management of API clients."""

from pms_backend.api.exceptions import Conflict, Invalid, NotFound


class UnknownScope(Invalid, code="unknown_scope"):
    """A scope that does not exist."""


class UnknownTier(Invalid, code="unknown_tier"):
    """A tier that is neither built in nor in RATE_LIMITS."""


class ApiClientNotFound(NotFound, code="api_client_not_found"):
    """No client has that id."""


class ApiClientRevoked(Conflict, code="api_client_revoked"):
    """The client is revoked."""
