"""Pauses between attempts."""

import random
from datetime import timedelta
from typing import Final

_MAX_DOUBLINGS: Final = 20


def pause_before(attempt: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """The pause before attempt 2, 3, …: doubled each time up to `longest`, plus up to half of it as jitter."""
    # More doublings would overflow a timedelta.
    doubled: timedelta = min(first * 2 ** min(max(0, attempt - 2), _MAX_DOUBLINGS), longest)
    return doubled * random.uniform(1, 1.5)  # noqa: S311 - jitter, no secret
