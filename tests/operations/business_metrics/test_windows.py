"""The windows: what was sampled in the last hour, day and month, and in each of the last hours."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pms_backend.operations.business_metrics.windows import Sums, last_hours, last_windows
from pms_backend.operations.sync_success import Share
from tests.operations.business_metrics.increases import add, add_a_day

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_each_window_has_what_lies_in_it() -> None:
    add_a_day()

    hour, day, month = last_windows().values()

    assert [sums.requests for sums in (hour, day, month)] == [3, 3_003, 63_003]
    assert day.cache == Share(2_002, 3_003)
    assert day.events == Share(2_002, 3_003)
    assert day.runs == Share(1_001, 3_003)
    assert day.sync == Share(3_003, 6_006)
    assert day.deliveries == Share(1_001, 2_002)
    assert month.errors == {("integration", "timeout"): 63_003, ("route", "not_found"): 21_001}


@pytest.mark.parametrize(
    ("ago", "windows"),
    [
        (timedelta(minutes=55), ["1h", "24h", "30d"]),
        (timedelta(minutes=66), ["24h", "30d"]),
        (timedelta(hours=23), ["24h", "30d"]),
        (timedelta(hours=24, minutes=6), ["30d"]),
        (timedelta(days=29, hours=23), ["30d"]),
        (timedelta(days=30, minutes=6), []),
    ],
)
def test_a_window_is_as_long_as_its_name_says(ago: timedelta, windows: list[str]) -> None:
    add("http_requests", 1, ago=ago, status="2xx", tier="staff")

    assert [name for name, sums in last_windows().items() if sums.requests] == windows


def test_without_rows_every_share_is_of_nothing() -> None:
    for sums in (*last_windows().values(), *last_hours().values()):
        assert (sums.requests, sums.cache, sums.sync, sums.deliveries) == (0, Share(), Share(), Share())
        assert sums == Sums()


def test_the_last_hours_are_one_by_one_the_oldest_first() -> None:
    now = timezone.now()
    add_a_day()

    hours = last_hours()

    this_hour = now.replace(minute=0, second=0, microsecond=0)
    assert list(hours) == [this_hour - timedelta(hours=ago) for ago in range(23, -1, -1)]
    assert [sums.requests for sums in hours.values()] == [*[0] * 21, 3_000, 0, 3]
