"""Messages say what, since when, in detail, where the runbook is, and how long it lasted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pms_backend.operations.alerts import texts
from pms_backend.operations.alerts.digest import Message, Opening
from pms_backend.operations.alerts.tracker import Finding, TrackedAlert
from pms_backend.operations.models import AlertSeverity
from tests.operations.alerts.timeline import DOWN, at


@pytest.fixture(autouse=True)
def _site(settings) -> None:
    settings.ALLOWED_HOSTS = ["pms.example.com"]


REDIS = TrackedAlert(("redis", ""), DOWN, began_at=at(65), is_open=True)
DEAD = TrackedAlert(
    ("dead_pms_events", "shop"),
    Finding(AlertSeverity.WARNING, "2 events\nof the last day."),
    began_at=at(3),
    resolved_at=at(3 + 3_900),
)


def test_a_message_has_a_line_for_each_alert():
    message = Message([Opening(REDIS), Opening(replace(REDIS, key=("relay", "")))], [DEAD])

    assert texts.subject_of(message) == "[pms.example.com] alert: redis, relay; over: dead_pms_events"
    assert texts.text_of(message).splitlines() == [
        "[pms.example.com] alert: redis, relay; over: dead_pms_events",
        "ALERT redis: Redis has failed, since 2026-11-29 14:01:05 UTC: it does not answer. "
        "See docs/operations.md, section “Alert: redis”.",
        "ALERT relay: The relay has failed or is late, since 2026-11-29 14:01:05 UTC: it does not answer. "
        "See docs/operations.md, section “Alert: relay”.",
        "OVER dead_pms_events shop: PMS events cannot be applied. It lasted 1 h 5 min.",
    ]


def test_a_detail_is_one_line():
    assert "UTC: 2 events of the last day. See" in texts.opening_text(Opening(DEAD))


def test_an_alert_that_came_back_says_how_often():
    assert "It has come back 3 times since it was told. See" in texts.opening_text(Opening(REDIS, repeated=3))
    over = replace(REDIS, resolved_at=at(75))
    assert "It has come back once since it was told, and is over: the last time it lasted 10 s." in (
        texts.opening_text(Opening(over, repeated=1))
    )


def test_the_last_of_many_messages_says_so():
    lines = texts.text_of(Message([Opening(REDIS)], silent_until=at(3600))).splitlines()

    assert lines[-1] == (
        "These were many messages. The next one comes after 2026-11-29 15:00:00 UTC, with what is open then. "
        "The admin has all alerts."
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 min"), (72, "1 min 12 s"), (3_600, "1 h"), (90_000, "1 d 1 h"), (-5, "0 s")],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str):
    assert texts.duration(timedelta(seconds=seconds)) == text


def test_the_site_is_the_first_name_that_names_one(settings):
    settings.ALLOWED_HOSTS = ["*"]

    assert texts.subject_of(Message([Opening(REDIS)])) == "[PMS] alert: redis"
