"""When a delivery is tried (API.md, *Out*), and what its attempts mean for the endpoint. Nothing here is written."""

import random
from datetime import datetime, timedelta
from typing import Final

from pms_backend.outbound import pause_before

# After the first attempt. Each pause is up to `MAX_JITTER` longer, so that what failed together is not sent together.
PAUSES: Final = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
MAX_ATTEMPTS: Final = len(PAUSES) + 1
MAX_JITTER: Final = 0.2
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
# Answers that ask to wait, and say nothing about the endpoint.
BUSY: Final = frozenset({429, 503})
GONE: Final = 410
# Without a success for so long, with failures so far apart, an endpoint is disabled; its owner is told before.
DISABLED_AFTER: Final = timedelta(days=5)
FAILURES_APART: Final = timedelta(hours=12)
WARNED_AFTER_DAYS: Final = (1, 3)
# So many failures in a row hold up all deliveries to the endpoint for a while, each further one twice as long.
BREAKS_AFTER: Final = 5
FIRST_BREAK: Final = timedelta(seconds=5)
LONGEST_BREAK: Final = timedelta(minutes=5)


def is_success(status: int | None) -> bool:
    """Whether the answer is a success."""
    return status is not None and 200 <= status < 300


def pause_after(tries: int, retry_after: float | None) -> timedelta | None:
    """The pause after so many failed attempts, with what the answer asks for; None after the last one."""
    if tries >= MAX_ATTEMPTS:
        return None
    pause = PAUSES[tries - 1] * random.uniform(1, 1 + MAX_JITTER)  # noqa: S311 - jitter, no secret
    if retry_after is None:
        return pause
    return max(pause, min(timedelta(seconds=retry_after), LONGEST_RETRY_AFTER))


def break_after(failures: int) -> timedelta | None:
    """How long nothing is sent to an endpoint after so many failures in a row."""
    if failures < BREAKS_AFTER:
        return None
    return pause_before(failures - BREAKS_AFTER + 2, first=FIRST_BREAK, longest=LONGEST_BREAK)


def has_to_be_disabled(failing_since: datetime, last_failure_at: datetime, now: datetime) -> bool:
    """Whether an endpoint that has had no success since then is disabled."""
    return now - failing_since >= DISABLED_AFTER and last_failure_at - failing_since >= FAILURES_APART


def days_to_warn_of(failing_since: datetime, now: datetime, warned_days: int) -> int:
    """After how many days without a success its owner is told now; 0 for not now."""
    passed = [days for days in WARNED_AFTER_DAYS if now - failing_since >= timedelta(days=days)]
    return max((days for days in passed if days > warned_days), default=0)
