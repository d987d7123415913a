"""When an attempt that failed is made again; nothing else decides on it."""

import random
from datetime import timedelta
from typing import Final

from pms_backend.outbound import pause_before
from pms_integration.connectors.contract import ConnectorError

RETRY_DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
)
# A pause is up to this factor longer, so that what failed together is not tried together again.
MAX_JITTER: Final = 1.2
DEFERRED_RETRY: Final = timedelta(minutes=5)
DEFERRED_LIMIT: Final = timedelta(days=1)
MAX_CRASHES: Final = 5
# A call to a PMS whose circuit is closed is made again after half a minute at most, jitter included.
FIRST_CALL_RETRY: Final = timedelta(seconds=1)
LONGEST_CALL_RETRY: Final = timedelta(seconds=20)
# More failed calls are not counted where a refusal may follow them: the longest pause is reached, and the refusal still
# has attempts left.
MAX_CALL_FAILURES: Final = 6


def pause_after(failures: int) -> timedelta | None:
    """The pause after so many failed attempts; None after the last one."""
    if failures > len(RETRY_DELAYS):
        return None
    return RETRY_DELAYS[failures - 1] * random.uniform(1, MAX_JITTER)  # noqa: S311 - jitter, no secret


def pause_after_call(error: ConnectorError, *, failures: int) -> timedelta | None:
    """The pause before a call to a PMS that has failed so many times in a row is made again; None if it is not.

    What the PMS, the circuit or the rate budget asks for is obeyed: nothing that is longer is asked for while the
    circuit is closed.
    """
    if error.permanent:
        return None
    pause = pause_before(failures + 1, first=FIRST_CALL_RETRY, longest=LONGEST_CALL_RETRY)
    return pause if error.retry_after is None else max(pause, timedelta(seconds=error.retry_after))
