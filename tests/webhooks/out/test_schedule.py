"""When a delivery is tried again, and what its failures mean for its endpoint."""

from datetime import UTC, datetime, timedelta

import pytest

from pms_backend.outbound.retry_after import MAX_RETRY_AFTER
from webhooks import schedule
from webhooks.schedule import break_after, days_to_warn_of, has_to_be_disabled, is_success, pause_after

PROMISED = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(("tries", "seconds"), list(enumerate(PROMISED, start=1)))
def test_each_pause_is_up_to_a_fifth_longer_than_promised(tries: int, seconds: int):
    pauses = [pause_after(tries, None) for _ in range(300)]

    found = [pause.total_seconds() / seconds for pause in pauses if pause is not None]
    assert len(found) == 300
    assert 1 <= min(found) < 1.05
    assert 1.15 < max(found) <= 1.2


def test_the_tenth_attempt_is_the_last():
    assert schedule.MAX_ATTEMPTS == 10
    assert pause_after(10, None) is None
    assert pause_after(10, 5.0) is None


def test_a_longer_wait_that_the_answer_asks_for_is_obeyed_for_a_day():
    assert pause_after(1, 60.0) == timedelta(seconds=60)
    assert pause_after(1, 10**6) == schedule.LONGEST_RETRY_AFTER == MAX_RETRY_AFTER == timedelta(hours=24)
    shorter = pause_after(2, 1.0)
    assert shorter is not None
    assert shorter >= timedelta(minutes=5)


@pytest.mark.parametrize(("status", "expected"), [(200, True), (204, True), (299, True), (302, False), (None, False)])
def test_a_success_is_a_status_of_two_hundred(status: int | None, expected: bool):
    assert is_success(status) is expected


def test_five_failures_in_a_row_hold_up_an_endpoint_each_time_for_longer():
    assert [break_after(failures) for failures in range(5)] == [None] * 5
    breaks = [break_after(failures) for failures in range(5, 100)]
    seconds = [found.total_seconds() for found in breaks if found is not None]

    assert len(seconds) == 95
    assert 5 <= seconds[0] <= 7.5
    assert min(seconds[10:]) >= 300
    assert max(seconds) <= 450


@pytest.mark.parametrize(
    ("since", "last", "expected"),
    [
        (timedelta(days=5), timedelta(0), True),
        (timedelta(days=4, hours=23), timedelta(0), False),
        (timedelta(days=30), timedelta(days=29, hours=12), True),
        (timedelta(days=30), timedelta(days=29, hours=13), False),
    ],
)
def test_it_is_disabled_after_five_days_with_failures_twelve_hours_apart(
    since: timedelta, last: timedelta, expected: bool
):
    assert has_to_be_disabled(NOW - since, NOW - last, NOW) is expected


@pytest.mark.parametrize(
    ("days", "warned", "expected"),
    [(0.9, 0, 0), (1, 0, 1), (2.9, 1, 0), (3, 1, 3), (3, 0, 3), (4.9, 3, 0)],
)
def test_its_owner_is_told_after_one_day_and_after_three(days: float, warned: int, expected: int):
    assert days_to_warn_of(NOW - timedelta(days=days), NOW, warned) == expected
