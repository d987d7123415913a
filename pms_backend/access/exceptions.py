"""What may be wrong with the management of callers."""

from pms_backend.api.exceptions import Conflict, Invalid, NotFound


class UnknownScope(Invalid):
    """A scope that does not exist."""

    code = "unknown_scope"


class UnknownTier(Invalid):
    """A tier that is neither ours nor named by RATE_LIMITS."""

    code = "unknown_tier"


class ApiClientNotFound(NotFound):
    """No client has that id."""

    code = "api_client_not_found"


class ApiClientRevoked(Conflict):
    """The client was ended, and stays so."""

    code = "api_client_revoked"
