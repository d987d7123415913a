"""The clock of a PMS beside ours (ADR 7).

Each answer's `Date` says how far the PMS's clock is ahead: `PMSConnection.clock_offset`. What a PMS reports is stored
with two moments. Its own orders the PMS's facts among themselves, and is never converted. The other one is by our
clock, as it was known when the report was applied, and stands beside our own moments: a count of staff, a movement of
which the PMS was never told. An offset that is learnt later changes nothing that is stored.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pms_backend.api.moments import EARLIEST, LATEST
from pms_integration.models import MAX_CLOCK_OFFSET, PMSConnection
from pms_integration.services.stock_pushes.recording import is_pushed_to

# `Date` has whole seconds; what is below them is cut off.
_RESOLUTION: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class AnswerDate:
    """The `Date` of an answer, and when it was asked for, by `time.monotonic`."""

    moment: datetime
    asked: float

    def correct(self, known: timedelta, *, now: datetime) -> timedelta:
        """The offset after an answer that has come by `now`: the known one, or the nearest that the answer allows.

        The PMS wrote the date between the question and the answer. So an offset that is right stays, each answer that
        proves it wrong brings it closer, and few do: it is not written for noise. A date that is further away than
        `MAX_CLOCK_OFFSET` is no clock.
        """
        asked_at = now - timedelta(seconds=time.monotonic() - self.asked)
        offset = min(max(known, self.moment - now), self.moment + _RESOLUTION - asked_at)
        return offset if abs(offset) <= MAX_CLOCK_OFFSET else known


def offset_of(pms: PMSConnection) -> timedelta:
    """How far the clock of the PMS is ahead, as it is known now; 0 for a PMS whose moments are taken as they are."""
    if not is_pushed_to(pms):
        return timedelta()
    offset: timedelta = PMSConnection.objects.values_list("clock_offset", flat=True).get(pk=pms.pk)
    return offset


def by_our_clock(moment: datetime, offset: timedelta) -> datetime:
    """A moment of the PMS as our clock shows it, within the bounds of moments."""
    return min(max(moment - offset, EARLIEST), LATEST - datetime.resolution)
