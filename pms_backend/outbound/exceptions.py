"""The errors of outgoing calls."""


class OutboundError(Exception):
    """The call has no response."""


class Forbidden(OutboundError):
    """The URL, or an address of its host, must not be called. Retrying is useless."""


class Unreachable(OutboundError):
    """The server did not send an HTTP response in time."""


class RequestTooLarge(OutboundError):
    """The body or the URL exceeds the limit; nothing was sent."""


class ResponseTooLarge(OutboundError):
    """The response body exceeds the limit, before or after decompression."""


class RateExceeded(OutboundError):
    """The rate budget is used up, and nothing was sent; `seconds` is the time until it allows a call."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The rate budget allows the next call in {seconds:.1f} s.")
        self.seconds = seconds
