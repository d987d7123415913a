"""Moments in input: their format and their bounds.

PostgreSQL stores moments before the year 1 and after 9999, which Python cannot read: one such row breaks every list
that shows it. So all input is read by this module, and the columns have a constraint.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from django.db import models

from pms_backend.api import serializers

# Programs write earlier moments for "no value": the year 1 in .NET, 1753 and 1900 in SQL Server, 1899 in Excel. No
# imported ledger is that old.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Far enough ahead for "never", and far enough below Python's last year for any offset or interval.
LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)

OUT_OF_BOUNDS: Final = f"A moment lies between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}."
OUT_OF_BOUNDS_CODE: Final = "out_of_bounds"
NOT_A_MOMENT: Final = "A moment is written as RFC 3339 with an offset, such as 2026-01-31T12:00:00Z."

_RFC_3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
# Longer text is refused before it is parsed.
MAX_LENGTH: Final = 64
_LEAP_SECOND: Final = 60
_MINUTES_PER_HOUR: Final = 60


class OutOfBounds(ValueError):
    """A moment before `EARLIEST`, or not before `LATEST`."""


def parse_moment(text: str) -> datetime:
    """The moment of an RFC 3339 text, in UTC. Raises ValueError, or its subclass `OutOfBounds`.

    A leap second is read as the second after it, as in POSIX; digits beyond microseconds are cut off.
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
    # RFC 3339, 5.7: leap seconds occur only at the end of a month in UTC.
    if is_leap and (moment.day, moment.hour, moment.minute) != (1, 0, 0):
        raise ValueError(NOT_A_MOMENT)
    if not is_in_bounds(moment):
        raise OutOfBounds(OUT_OF_BOUNDS)
    return moment


def is_in_bounds(moment: datetime) -> bool:
    """Whether a moment is accepted as input."""
    return EARLIEST <= moment < LATEST


def moment_constraint(table: str, field: str) -> models.CheckConstraint:
    """The constraint of a column for moments from input; forms of its model report it too."""
    return models.CheckConstraint(
        name=f"{table}_{field}_in_bounds",
        condition=models.Q(**{f"{field}__gte": EARLIEST, f"{field}__lt": LATEST}),
        violation_error_message=OUT_OF_BOUNDS,
    )


class MomentField(serializers.DateTimeField):
    """A moment in requests and responses."""

    def to_internal_value(self, value: Any) -> datetime:
        """Raises `ValidationError` for an invalid moment, or one out of bounds."""
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
    if int(minutes) >= _MINUTES_PER_HOUR:
        raise ValueError(minutes)
    size = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-size if sign == "-" else size)
