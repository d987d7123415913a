"""The errors of outgoing calls."""


class OutboundError(Exception):
    """The call has no response."""


class Forbidden(OutboundError):
    """The URL, or an address of its host, must not be called. Retrying is useless."""


class Unreachable(OutboundError):
    """The server did not send an HTTP response in time."""


class ResponseTooLarge(OutboundError):
    """The response body exceeds the limit, before or after decompression."""
