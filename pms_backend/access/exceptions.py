"""Errors of the management of API clients."""

from pms_backend.api.exceptions import Conflict, Invalid, NotFound


class UnknownScope(Invalid):
    """A scope that does not exist."""

    code = "unknown_scope"


class UnknownTier(Invalid):
    """A tier that is neither built in nor in RATE_LIMITS."""

    code = "unknown_tier"


class ApiClientNotFound(NotFound):
    """No client has that id."""

    code = "api_client_not_found"


class ApiClientRevoked(Conflict):
    """The client is revoked."""

    code = "api_client_revoked"
