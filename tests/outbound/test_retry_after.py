"""`Retry-After` as seconds and as a date."""

from datetime import UTC, datetime, timedelta

import pytest

from pms_backend.outbound import http_date, retry_after_of
from pms_backend.outbound.retry_after import MAX_RETRY_AFTER

DATE = "Tue, 24 Nov 2026 05:45:32 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("Tue, 24 Nov 2026 05:46:02 GMT", 30),
        ("Tuesday, 24-Nov-26 05:46:02 GMT", 30),
        ("Tue Nov 24 05:46:02 2026", 30),
        ("Tue, 24 Nov 2026 05:00:00 GMT", 0),
        ("9" * 5_000, MAX_RETRY_AFTER.total_seconds()),
        ("Tue, 24 Nov 2099 05:46:02 GMT", MAX_RETRY_AFTER.total_seconds()),
    ],
)
def test_it_is_read_in_both_forms(text: str, seconds: float):
    assert retry_after_of({"retry-after": text, "date": DATE}) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "٣", "Tue, 99 Nov 2026 05:46:02 GMT"])
def test_what_is_neither_asks_for_nothing(text: str):
    assert retry_after_of({"retry-after": text, "date": DATE}) is None
    assert retry_after_of({}) is None


def test_without_the_servers_clock_ours_counts():
    until = datetime.now(UTC) + timedelta(seconds=600)

    wait = retry_after_of({"retry-after": f"{until:%a, %d %b %Y %H:%M:%S} GMT"})

    assert wait is not None
    assert timedelta(seconds=500) < wait <= timedelta(seconds=600)


@pytest.mark.parametrize("text", [DATE, "Tue, 24 Nov 2026 05:45:32 -0000", "Tue, 24 Nov 2026 06:45:32 +0100"])
def test_a_date_has_its_moment(text: str):
    assert http_date(text) == datetime(2026, 11, 24, 5, 45, 32, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-24T05:45:32Z"])
def test_no_date_has_none(text: str):
    assert http_date(text) is None
