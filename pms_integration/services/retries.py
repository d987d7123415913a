"""When an attempt that failed is made again; nothing else decides on it."""

import random
from datetime import timedelta
from typing import Final

RETRY_DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
)
# A pause is up to this factor longer, so that what failed together is not tried together again.
MAX_JITTER: Final = 1.2
DEFERRED_RETRY: Final = timedelta(minutes=5)
DEFERRED_LIMIT: Final = timedelta(days=1)
MAX_CRASHES: Final = 5


def pause_after(failures: int) -> timedelta | None:
    """The pause after so many failed attempts; None after the last one."""
    if failures > len(RETRY_DELAYS):
        return None
    return RETRY_DELAYS[failures - 1] * random.uniform(1, MAX_JITTER)  # noqa: S311 - jitter, no secret
