"""What comes of leased deliveries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from webhooks.schedule import is_success
from webhooks.services.leases import LeasedDelivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of sending: the status of the answer, or the error without one. `retry_after` is what it asks for.

    With a refusal the error is the request id that the endpoint has given it, if any. One that `is_final` says nothing
    about the endpoint, and is the last.
    """

    delivery: LeasedDelivery
    at: datetime
    ms: int
    status: int | None = None
    answer: str = ""
    error: str = ""
    retry_after: timedelta | None = None
    is_final: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the endpoint has it."""
        return is_success(self.status)


@dataclass(frozen=True, slots=True)
class NotSent:
    """A delivery that was leased and not sent: one before it, in whose order it is, has failed."""

    delivery: LeasedDelivery
    wait: timedelta
