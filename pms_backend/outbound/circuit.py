"""A circuit breaker as a pure state machine: when another system may be called, and what the outcome of a call changes.

Whoever uses it stores the state, by compare-and-swap, and reads one clock for all processes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pms_backend.outbound.backoff import pause_before

# So many calls in a row that fail open the circuit.
OPENS_AFTER: Final = 5
# An open circuit lets one call through after the first pause, then after twice the pause; with jitter, after a minute
# at most.
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(seconds=40)
# While the circuit is closed, nothing waits longer than this for its next try: a server that asks for more opens it.
LONGEST_WAIT_WHILE_CLOSED: Final = timedelta(seconds=30)
# The call that an open circuit lets through is given up after this time, because its worker may have died.
TRIAL_LEASE: Final = timedelta(seconds=60)
# More are not counted: the longest pause is reached long before.
MAX_FAILURES: Final = 10_000


class CircuitStatus(StrEnum):
    """closed: calls are made; open: none is made until a moment; half-open: one call is being tried."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Circuit:
    """A state. `failures` are those in a row; before `next_try_at` no call is made.

    A closed circuit has a `next_try_at` if the server has asked to wait, a half-open one has the end of the trial.
    """

    status: CircuitStatus = CircuitStatus.CLOSED
    failures: int = 0
    next_try_at: datetime | None = None

    def allows(self, now: datetime) -> bool:
        """Whether a call may be made."""
        return not self.wait(now)

    def wait(self, now: datetime) -> timedelta:
        """The time until a call may be made."""
        return timedelta() if self.next_try_at is None else max(self.next_try_at - now, timedelta())

    def calling(self, now: datetime) -> "Circuit":
        """The state while an allowed call is made: the first one of an open circuit is its trial."""
        if self.status == CircuitStatus.CLOSED:
            return self
        return replace(self, status=CircuitStatus.HALF_OPEN, next_try_at=now + TRIAL_LEASE)

    def answered(self, now: datetime, *, is_trial: bool, wait: timedelta | None = None) -> "Circuit":
        """The state after a call that had an answer, perhaps one that asks to `wait`.

        Only the trial closes a circuit: another call was made before it opened.
        """
        if self.status != CircuitStatus.CLOSED and not is_trial:
            return self
        if wait is not None and wait > LONGEST_WAIT_WHILE_CLOSED:
            return Circuit(CircuitStatus.OPEN, 0, now + wait)
        return Circuit(next_try_at=self._later(now, wait))

    def failed(self, now: datetime, *, is_trial: bool, wait: timedelta | None = None) -> "Circuit":
        """The state after a call that had no usable answer, or one that asks to `wait`."""
        if self.status == CircuitStatus.OPEN or (self.status == CircuitStatus.HALF_OPEN and not is_trial):
            return self
        failures = min(self.failures + 1, MAX_FAILURES)
        is_long = wait is not None and wait > LONGEST_WAIT_WHILE_CLOSED
        if self.status == CircuitStatus.CLOSED and failures < OPENS_AFTER and not is_long:
            return Circuit(failures=failures, next_try_at=self._later(now, wait))
        pause = pause_before(failures - OPENS_AFTER + 2, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
        return Circuit(CircuitStatus.OPEN, failures, now + max(pause, wait or pause))

    def _later(self, now: datetime, wait: timedelta | None) -> datetime | None:
        """The end of the wait of a closed circuit: of this one, or of one that another call was asked for."""
        ends = [now + wait] if wait else []
        if self.status == CircuitStatus.CLOSED and self.next_try_at is not None and self.next_try_at > now:
            ends.append(self.next_try_at)
        return max(ends, default=None)
