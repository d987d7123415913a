"""An alert opens when its condition has held for a short time, and is resolved when it has been away for a while."""

import pytest

from pms_backend.operations.alerts.tracker import Finding, TrackedAlert, Tracker
from pms_backend.operations.models import AlertSeverity
from tests.operations.alerts.timeline import DOWN, at, failing, fine, opened, unknown


def test_a_check_opens_its_alert_at_its_second_failure():
    tracker = Tracker()

    first = tracker.observe(failing("storage"), at(0))
    second = tracker.observe(failing("storage"), at(1.5))
    third = tracker.observe(failing("storage"), at(3))

    assert (first, third) == ([], [])
    assert second == [TrackedAlert(("storage", ""), DOWN, began_at=at(0), is_open=True)]


@pytest.mark.parametrize("name", ["redis", "sockets"])
def test_a_restart_of_a_server_that_refuses_meanwhile_opens_nothing(name: str):
    tracker = Tracker()

    found = [tracker.observe(failing(name), at(seconds)) for seconds in (0, 1.5, 3)]

    assert found == [[], [], []]
    assert len(tracker.observe(failing(name), at(4.5))) == 1


def test_one_failure_alone_opens_nothing():
    tracker = Tracker()

    tracker.observe(failing("storage"), at(0))
    tracker.observe(fine("storage"), at(1.5))

    assert tracker.observe(failing("storage"), at(3)) == []


def test_a_condition_of_the_business_opens_at_once():
    (alert,) = Tracker().observe(failing("parked_events", "tests"), at(0))

    assert (alert.key, alert.is_open) == (("parked_events", "tests"), True)


def test_stock_that_differs_for_a_moment_opens_nothing():
    tracker = Tracker()

    assert tracker.observe(failing("stock_differences", "shop"), at(0)) == []
    assert tracker.observe(failing("stock_differences", "shop"), at(119)) == []
    assert len(tracker.observe(failing("stock_differences", "shop"), at(120))) == 1


def test_it_is_resolved_ten_seconds_after_it_went_away():
    tracker = Tracker()
    alert = opened(tracker, "storage", 2)

    away = [tracker.observe(fine("storage"), at(seconds)) for seconds in (60, 64, 69.9, 70, 72)]

    assert away == [[], [], [], [alert], []]
    assert alert.resolved_at == at(60)


def test_no_alert_ends_before_it_began_although_the_clock_was_set_back():
    tracker = Tracker()
    alert = opened(tracker, "storage", 3_600)

    tracker.observe(fine("storage"), at(60))

    assert tracker.observe(fine("storage"), at(70)) == [alert]
    assert alert.resolved_at == alert.began_at == at(3_598)


def test_what_comes_back_within_ten_seconds_was_not_over():
    tracker = Tracker()
    opened(tracker, "storage", 2)

    found = [
        tracker.observe(poll, at(seconds))
        for poll, seconds in [
            (fine("storage"), 10),
            (failing("storage"), 18),
            (fine("storage"), 20),
            (fine("storage"), 29),
        ]
    ]

    assert found == [[], [], [], []]


def test_what_is_unknown_neither_opens_nor_resolves():
    tracker = Tracker()
    opened(tracker, "storage", 2)
    tracker.observe(failing("relay"), at(2))
    tracker.observe(fine("storage"), at(4))

    unknowns = [tracker.observe({**unknown("storage"), **unknown("relay")}, at(seconds)) for seconds in (10, 60)]

    assert unknowns == [[], []]
    assert tracker.observe({**fine("storage"), **failing("relay")}, at(61)) == []
    assert [alert.key[0] for alert in tracker.observe({**fine("storage"), **failing("relay")}, at(71))] == [
        "storage",
        "relay",
    ]


def test_what_was_not_polled_stays_as_it_is():
    tracker = Tracker()
    opened(tracker, "storage", 2)

    assert tracker.observe(fine("relay"), at(60)) == []
    assert tracker.observe(failing("storage"), at(62)) == []


def test_each_subject_has_an_alert_of_its_own():
    tracker = Tracker()

    both = tracker.observe(failing("dead_pms_events", "north", "south"), at(0))
    tracker.observe(failing("dead_pms_events", "south"), at(10))
    ended = tracker.observe(failing("dead_pms_events", "south"), at(20))

    assert [alert.key[1] for alert in both] == ["north", "south"]
    assert [alert.key[1] for alert in ended] == ["north"]


def test_an_open_alert_has_the_newest_detail():
    tracker = Tracker()
    alert = opened(tracker, "worker", 2)

    worse = Finding(AlertSeverity.CRITICAL, "pms was last seen 60 s ago")
    tracker.observe({"worker": {"": worse}}, at(4))

    assert alert.finding == worse


def test_an_alert_of_the_process_before_is_taken_up_and_resolved():
    tracker = Tracker()
    left_open = TrackedAlert(("storage", ""), DOWN, began_at=at(-60), is_open=True, told_at=at(-57))

    assert tracker.take_up(left_open) is True
    assert tracker.observe(failing("storage"), at(0)) == []
    tracker.observe(fine("storage"), at(2))

    assert tracker.observe(fine("storage"), at(12)) == [left_open]


@pytest.mark.parametrize(("is_open", "is_taken"), [(True, False), (False, True)])
def test_an_alert_that_has_opened_here_meanwhile_is_not_replaced(is_open: bool, is_taken: bool):
    tracker = Tracker()
    tracker.observe(failing("storage"), at(0))
    if is_open:
        tracker.observe(failing("storage"), at(2))

    assert tracker.take_up(TrackedAlert(("storage", ""), DOWN, at(-60), is_open=True)) is is_taken
