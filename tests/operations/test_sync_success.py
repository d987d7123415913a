"""The dashboard shows how much of each PMS's sync has succeeded in the last 24 hours."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from pms_backend.operations import sync_success
from pms_integration.models import PMSConnection, PMSEvent, SyncRun
from tests.factories import make_connection, store_webhook
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db

DASHBOARD = "/admin/"


def make_run(pms: PMSConnection, status: str, *, ended_ago: timedelta = timedelta(minutes=1)) -> SyncRun:
    ends = {} if status in ("pending", "held") else {"finished_at": timezone.now() - ended_ago}
    because = "It would archive 30 of 40 products." if status == "held" else ""
    return SyncRun.objects.create(
        connection=pms, mode="full", resources=["stock"], status=status, held_because=because, actor="system", **ends
    )


def make_events(pms: PMSConnection, *statuses: str, received_ago: timedelta = timedelta(minutes=1)) -> None:
    for number, status in enumerate(statuses):
        event = store_webhook(connection=pms, webhook_id=f"{received_ago}-{number}", type="x", body=b"{}")
        due_at = None if status in ("processed", "ignored", "dead") else event.received_at
        received_at = timezone.now() - received_ago
        PMSEvent.objects.filter(pk=event.pk).update(status=status, due_at=due_at, received_at=received_at)


def rows(client: Client) -> list[list[Any]]:
    """The rows of the table as texts."""
    table = client.get(DASHBOARD).context["syncs"]
    return [[cell and re.sub(r"\s+", " ", strip_tags(cell)) for cell in row] for row in table.rows]


def test_shares_are_those_of_the_last_24_hours() -> None:
    demo, shop = make_connection("demo"), make_connection("shop")
    for status in ("finished", "finished", "failed", "cancelled", "pending"):
        make_run(demo, status)
    make_run(shop, "finished")
    make_events(demo, "processed", "ignored", "dead", "received", "deferred", "failed")
    a_day_ago = sync_success.WINDOW + timedelta(minutes=1)
    make_run(demo, "failed", ended_ago=a_day_ago)
    make_events(demo, "dead", "dead", received_ago=a_day_ago)

    failed = SyncRun.objects.filter(status="failed").earliest("pk")
    assert rows(superuser()) == [
        ["Demo", "50 % (2 of 4)", "33 % (2 of 6)", f"Sync run {failed.pk} has failed"],
        ["Shop", "100 % (1 of 1)", None, None],
    ]


def test_a_hundred_percent_are_all() -> None:
    pms = make_connection()
    make_events(pms, *["processed"] * 300, "dead")

    assert rows(superuser()) == [["Demo", None, "99 % (300 of 301)", None]]


def test_a_held_run_and_the_last_that_failed_have_links() -> None:
    pms, client = make_connection(), superuser()
    make_run(pms, "failed")
    runs = [make_run(pms, "failed"), make_run(pms, "finished"), make_run(pms, "held")]

    (row,) = client.get(DASHBOARD).context["syncs"].rows

    links = re.findall(r'href="([^"]+)"', row[-1])
    assert links == [reverse("admin:pms_integration_syncrun_change", args=[run.pk]) for run in (runs[2], runs[0])]
    assert strip_tags(row[-1]) == f"Sync run {runs[2].pk} is held, Sync run {runs[0].pk} has failed"
    (of_connection,) = re.findall(r'href="([^"]+)"', row[0])
    assert len(client.get(of_connection).context["cl"].result_list) == 4
    make_run(make_connection("shop"), "finished")
    assert len(client.get(of_connection).context["cl"].result_list) == 4


def test_a_run_that_was_held_days_ago_is_still_shown() -> None:
    run = make_run(make_connection(), "held")
    SyncRun.objects.update(created_at=timezone.now() - timedelta(days=3))

    assert rows(superuser()) == [["Demo", None, None, f"Sync run {run.pk} is held"]]


def test_only_the_newest_events_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_success, "MAX_EVENTS", 3)
    make_events(make_connection("old"), "dead", "dead")
    make_events(make_connection(), "dead", "processed", "processed", "processed")

    assert rows(superuser()) == [["Demo", None, "100 % (3 of 3)", None], ["Old", None, None, None]]


def test_the_runs_and_events_of_years_are_not_read() -> None:
    pms = make_connection()
    day = timedelta(days=1)
    ends = [timezone.now() - number * day for number in range(5_000)]
    values = {"connection": pms, "mode": "full", "resources": ["stock"], "status": "finished", "actor": "system"}
    SyncRun.objects.bulk_create(SyncRun(**values, finished_at=end) for end in ends)
    PMSEvent.objects.bulk_create(
        PMSEvent(connection=pms, webhook_id=str(number), body=b"{}") for number in range(5_000)
    )

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE pms_integration_syncrun, pms_integration_pmsevent")
    with CaptureQueriesContext(connection) as queries:
        sync_success.sync_success()

    plans = []
    for query in list(queries)[:2]:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append(str(cursor.fetchall()))
    assert "sync_run_ended" in plans[0]
    assert "Index Scan Backward using pms_integration_pmsevent_pkey" in plans[1]


def test_a_connection_that_is_switched_off_is_shown_if_something_came_of_it() -> None:
    client = superuser()
    make_connection("quiet"), make_run(make_connection("busy"), "finished")
    PMSConnection.objects.update(is_active=False)

    assert [row[0] for row in rows(client)] == ["Busy"]


def test_without_connections_the_table_says_so() -> None:
    assert "No PMS is connected." in superuser().get(DASHBOARD).content.decode()


def test_the_table_needs_all_three_permissions() -> None:
    make_connection()
    few = sync_success.PERMISSIONS[:2]

    assert staff_with(*few).get(DASHBOARD).context["syncs"] is None
    assert len(rows(staff_with(*sync_success.PERMISSIONS, name="eva"))) == 1
