"""Alerts are rows as soon as the database answers, and a monitor that is restarted takes up those that are open."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from pms_backend.operations.alerts import services
from pms_backend.operations.alerts.digest import QUIET_FOR
from pms_backend.operations.alerts.stored import open_alerts, stored_alerts
from pms_backend.operations.alerts.tracker import TrackedAlert
from pms_backend.operations.models import Alert
from tests.operations.alerts.timeline import DOWN, at

pytestmark = pytest.mark.django_db

REDIS = TrackedAlert(("redis", ""), DOWN, began_at=at(0), is_open=True)


def rows() -> list[tuple[object, ...]]:
    return list(Alert.objects.order_by("pk").values_list("name", "subject", "began_at", "told_at", "resolved_at"))


def test_an_alert_is_one_row_from_its_opening_to_its_end():
    told = replace(REDIS, told_at=at(3))

    services.record_alerts([REDIS])
    services.record_alerts([told, replace(told, resolved_at=at(60))])
    services.record_alerts([replace(told, resolved_at=at(60))])

    assert rows() == [("redis", "", at(0), at(3), at(60))]
    assert Alert.objects.values_list("severity", "detail").get() == ("critical", "it does not answer")


def test_one_that_was_left_open_ends_where_the_next_begins():
    services.record_alerts([REDIS])

    services.record_alerts([replace(REDIS, began_at=at(600))])

    assert rows() == [("redis", "", at(0), None, at(600)), ("redis", "", at(600), None, None)]


def test_one_that_the_database_refuses_holds_up_no_other():
    services.record_alerts([REDIS])
    before = replace(REDIS, began_at=at(-60))

    services.record_alerts([before, replace(REDIS, key=("relay", ""))])

    assert [row[:3] for row in rows()] == [("redis", "", at(0)), ("relay", "", at(0))]


def test_what_is_open_is_taken_up_with_what_was_told_lately():
    now = timezone.now()
    long_ago, lately = now - QUIET_FOR - timedelta(minutes=1), now - timedelta(minutes=1)
    still = replace(REDIS, began_at=long_ago, told_at=long_ago)
    over = replace(REDIS, key=("relay", ""), began_at=lately, told_at=lately, resolved_at=now)
    services.record_alerts([still, over])

    stored = stored_alerts()

    assert stored.open == [still]
    assert stored.told == {("relay", ""): [lately]}


def test_open_alerts_are_counted_by_their_names():
    for key, ended in ((("failed_syncs", "a"), None), (("failed_syncs", "b"), None), (("redis", ""), at(60))):
        services.record_alerts([replace(REDIS, key=key, resolved_at=ended)])

    assert open_alerts() == {"failed_syncs": 2}


def test_alerts_are_kept_as_long_as_the_audit_log(settings):
    settings.AUDIT_RETENTION_DAYS = 30
    now = timezone.now()
    for days in (29, 31):
        ended = now - timedelta(days=days)
        services.record_alerts([replace(REDIS, began_at=ended, resolved_at=ended)])
    services.record_alerts([replace(REDIS, key=("relay", ""), began_at=now - timedelta(days=400))])

    assert services.prune_alerts() == 1
    assert sorted(Alert.objects.values_list("name", flat=True)) == ["redis", "relay"]
