"""`Retry-After` (RFC 9110): how long a server asks to wait."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# A longer one is a mistake, and would stop everything until somebody notices.
MAX_RETRY_AFTER: Final = timedelta(days=1)
_MAX_DIGITS: Final = 9


def retry_after_of(headers: Mapping[str, str]) -> timedelta | None:
    """The wait that lower-case headers ask for, as seconds or as a date; None if they ask for none.

    A date is compared with the `Date` of the response, so that the server's clock need not be ours.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return min(timedelta(seconds=int(text[:_MAX_DIGITS])), MAX_RETRY_AFTER)
    until = http_date(text)
    if until is None:
        return None
    now = http_date(headers.get("date", "")) or datetime.now(UTC)
    return min(max(until - now, timedelta()), MAX_RETRY_AFTER)


def http_date(text: str) -> datetime | None:
    """The moment of a header such as `Date`; None if it has none."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
