"""Why a call was not made, or has no answer."""


class OutboundError(Exception):
    """There is no answer."""


class Forbidden(OutboundError):
    """The URL, or an address that its name has, is none that we call. Another try would end the same."""


class Unreachable(OutboundError):
    """Nobody answered in HTTP, or not in time."""


class AnswerTooLarge(OutboundError):
    """The answer is longer than its reader takes, compressed or not."""
