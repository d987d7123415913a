"""The clock of a PMS is learnt from the `Date` of its answers, which has whole seconds."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pms_backend.api.moments import EARLIEST, LATEST
from pms_integration import services
from pms_integration.models import MAX_CLOCK_OFFSET, PMSConnection
from pms_integration.services.clocks import AnswerDate, by_our_clock
from tests.outbound.servers import LocalServer
from tests.pms_integration.outgoing.calling import call, connect_simulator
from tests.pms_integration.outgoing.test_asking import dated
from tests.pms_integration.simulator.calling import SimulatorHere

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NONE = timedelta()


def seconds(least: float, most: float) -> st.SearchStrategy[timedelta]:
    return st.floats(least, most).map(lambda value: timedelta(seconds=value))


def answered(known: timedelta, *, clock: timedelta, at: timedelta = NONE, took: timedelta = NONE) -> timedelta:
    """The offset after an answer that came at `NOW + at`, of a PMS whose clock is so far ahead."""
    now = NOW + at
    date = (now - took / 2 + clock).replace(microsecond=0)
    # The clock goes on while the test computes, which makes the question a little earlier.
    return AnswerDate(date, time.monotonic() - took.total_seconds()).correct(known, now=now)


@given(clock=seconds(-400, 400), known=seconds(-400, 400), at=seconds(0, 5), took=seconds(0, 3))
def test_an_answer_brings_the_offset_within_its_precision_and_never_further_away(
    clock: timedelta, known: timedelta, at: timedelta, took: timedelta
) -> None:
    error = abs(answered(known, clock=clock, at=at, took=took) - clock)

    assert error <= abs(known - clock)
    # What the test itself takes is a part of the question's time.
    assert error <= SECOND + took + SECOND


@given(clock=seconds(-400, 400), at=seconds(0, 5), took=seconds(0, 3))
def test_what_is_right_stays(clock: timedelta, at: timedelta, took: timedelta) -> None:
    assert answered(clock, clock=clock, at=at, took=took) == clock


@pytest.mark.parametrize("clock", [timedelta(seconds=2), timedelta(seconds=-3.5), timedelta(hours=-2)])
def test_many_answers_find_the_clock_and_few_change_what_is_known(clock: timedelta) -> None:
    offsets = [NONE]
    for number in range(1_000):
        at = timedelta(seconds=number * 0.618)
        offsets.append(answered(offsets[-1], clock=clock, at=at, took=timedelta(milliseconds=10)))

    assert abs(offsets[-1] - clock) < timedelta(milliseconds=50)
    assert len(set(offsets)) < 30


def test_a_clock_that_is_a_day_off_is_not_believed() -> None:
    assert answered(SECOND, clock=MAX_CLOCK_OFFSET + 2 * SECOND) == SECOND
    assert answered(SECOND, clock=-datetime.resolution - MAX_CLOCK_OFFSET - 2 * SECOND) == SECOND


def test_a_moment_stays_within_the_bounds_of_moments() -> None:
    assert by_our_clock(NOW, SECOND) == NOW - SECOND
    assert by_our_clock(EARLIEST, SECOND) == EARLIEST
    assert by_our_clock(LATEST - datetime.resolution, -SECOND) == LATEST - datetime.resolution


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("skew", [-240.0, 90.0])
def test_a_call_learns_it_and_another_url_forgets_it(pms: PMSConnection, simulator: SimulatorHere, skew: float) -> None:
    connect_simulator(pms, simulator)
    simulator.control("clock", {"skew_seconds": skew})
    began = time.monotonic()

    call(pms, "check")

    took = timedelta(seconds=time.monotonic() - began)
    pms.refresh_from_db()
    assert abs(pms.clock_offset - timedelta(seconds=skew)) <= SECOND + took
    services.set_outgoing(connection_id=pms.pk, base_url=None)
    pms.refresh_from_db()
    assert pms.clock_offset == NONE


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("date", ["", "yesterday"])
def test_an_answer_without_a_date_says_nothing(pms: PMSConnection, server: LocalServer, date: str) -> None:
    PMSConnection.objects.update(clock_offset=SECOND)
    server.respond = dated({"name": "Shop"}, date)

    assert call(pms, "check") == "Shop"

    pms.refresh_from_db()
    assert pms.clock_offset == SECOND
