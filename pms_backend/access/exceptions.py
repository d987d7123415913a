"""What may be wrong with the management of callers."""

from pms_backend.api.exceptions import Invalid, NotFound


class UnknownScope(Invalid):
    """A scope that does not exist."""

    code = "unknown_scope"


class ApiClientNotFound(NotFound):
    """No client has this id."""

    code = "api_client_not_found"
