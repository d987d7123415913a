"""How long to wait before trying again."""

import random
from datetime import timedelta
from typing import Final

_MAX_DOUBLINGS: Final = 20


def pause_before(attempt: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """The pause before attempt 2, 3, …: twice as long each time, up to a half more by chance: not all at once."""
    # A timedelta overflows long before an attempt's number does.
    doubled: timedelta = min(first * 2 ** min(max(0, attempt - 2), _MAX_DOUBLINGS), longest)
    return doubled * random.uniform(1, 1.5)  # noqa: S311 - jitter, no secret
