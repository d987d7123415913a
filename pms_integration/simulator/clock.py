"""The simulator's clock, which may be wrong, and the form of its moments."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
MAX_SKEW_SECONDS: Final = 1_000_000_000.0
_MICROSECOND: Final = timedelta(microseconds=1)


class Clock:
    """The time of this machine plus `skew_seconds`."""

    def __init__(self, skew_seconds: float = 0.0) -> None:
        self.skew_seconds = skew_seconds

    def now(self) -> datetime:
        """The time that the PMS believes it is, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.skew_seconds)

    def date_header(self) -> str:
        """The value of `Date`, in whole seconds."""
        return format_datetime(self.now().replace(microsecond=0), usegmt=True)

    def moment_after(self, earlier: str | None) -> str:
        """The moment of a change, later than that of the change before it.

        Two changes within a microsecond, or a clock that was put back, do not disturb the order.
        """
        moment = self.now()
        if earlier is not None:
            moment = max(moment, datetime.fromisoformat(earlier) + _MICROSECOND)
        return format_moment(moment)


def format_moment(moment: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds, so that moments are ordered as their texts are."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_moment(text: str) -> str:
    """A moment of RFC 3339 in the form of `format_moment`. Raises `ValueError`."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError("It is not a moment of RFC 3339 with an offset.")
    try:
        return format_moment(datetime.fromisoformat(text.upper()))
    except OverflowError:
        raise ValueError("It is outside of the years 1 to 9999.") from None
