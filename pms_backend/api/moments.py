"""Moments that come from outside: how they are written, and between which bounds they lie.

PostgreSQL keeps moments of before the year 1 and after 9999, which Python cannot read: one such row breaks every list
that shows it. So every way in reads moments here, and the columns that hold them have a constraint.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from django.db import models

from pms_backend.api import serializers

# Older is what programs write for "no moment": the year 1 of .NET, 1753 and 1900 of SQL Server, 1899 of Excel. No
# ledger that somebody imports is as old.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Far enough ahead for "never", and as far from the last year of Python as every offset and interval needs.
LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)

OUT_OF_BOUNDS: Final = f"A moment lies between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}."
OUT_OF_BOUNDS_CODE: Final = "out_of_bounds"
NOT_A_MOMENT: Final = "A moment is written as RFC 3339 with an offset, such as 2026-01-31T12:00:00Z."

_RFC_3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
# Longer is no moment, whatever its digits say.
MAX_LENGTH: Final = 64
_LEAP_SECOND: Final = 60
_MINUTES_OF_AN_HOUR: Final = 60


class OutOfBounds(ValueError):
    """A moment that is too long ago or too far ahead."""


def parse_moment(text: str) -> datetime:
    """The moment that an RFC 3339 text names. Raises ValueError, `OutOfBounds` among them.

    A leap second is the second after it, as in POSIX; what is finer than microseconds is cut off.
    """
    found = _RFC_3339.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None:
        raise ValueError(NOT_A_MOMENT)
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    is_leap = second == _LEAP_SECOND
    microsecond = int((found[7] or "")[:6].ljust(6, "0"))
    try:
        local = datetime(
            year, month, day, hour, minute, second - is_leap, microsecond, tzinfo=_offset(*found.groups()[7:])
        )
        moment = local.astimezone(UTC) + timedelta(seconds=is_leap)
    except OverflowError:
        raise OutOfBounds(OUT_OF_BOUNDS) from None
    except ValueError:
        raise ValueError(NOT_A_MOMENT) from None
    # RFC 3339, 5.7: there are leap seconds at the end of a month in UTC alone.
    if is_leap and (moment.day, moment.hour, moment.minute) != (1, 0, 0):
        raise ValueError(NOT_A_MOMENT)
    if not is_in_bounds(moment):
        raise OutOfBounds(OUT_OF_BOUNDS)
    return moment


def is_in_bounds(moment: datetime) -> bool:
    """Whether a moment may come from outside."""
    return EARLIEST <= moment < LATEST


def moment_constraint(table: str, field: str) -> models.CheckConstraint:
    """The rule of a column that holds moments from outside; forms of its model say it too."""
    return models.CheckConstraint(
        name=f"{table}_{field}_in_bounds",
        condition=models.Q(**{f"{field}__gte": EARLIEST, f"{field}__lt": LATEST}),
        violation_error_message=OUT_OF_BOUNDS,
    )


class MomentField(serializers.DateTimeField):
    """A moment of the API, in and out."""

    def to_internal_value(self, value: Any) -> datetime:
        """Raises `ValidationError` for what is not a moment or out of bounds."""
        if not isinstance(value, str):
            raise serializers.ValidationError(NOT_A_MOMENT, code="invalid")
        try:
            return parse_moment(value.strip())
        except OutOfBounds as error:
            raise serializers.ValidationError(str(error), code=OUT_OF_BOUNDS_CODE) from None
        except ValueError as error:
            raise serializers.ValidationError(str(error), code="invalid") from None


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(minutes) >= _MINUTES_OF_AN_HOUR:
        raise ValueError(minutes)
    size = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-size if sign == "-" else size)
