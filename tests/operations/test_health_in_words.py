"""The dashboard says how the sync, the deliveries and the feed do."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from pms_backend.events import services as events
from pms_backend.events.models import Event
from pms_backend.operations import sync_success
from pms_backend.operations.health_in_words import SYNC_PERMISSIONS
from pms_integration.models import PMSConnection, PMSEvent, SyncRun
from tests.factories import make_connection, make_product, store_webhook
from tests.staff import staff_with, superuser
from webhooks.models import SWITCHED_OFF, WebhookEndpoint

pytestmark = pytest.mark.django_db

DASHBOARD = "/admin/"
A_MINUTE_AGO = timedelta(minutes=1)


def make_run(pms: PMSConnection, status: str, *, ended_ago: timedelta = A_MINUTE_AGO) -> SyncRun:
    ends = {} if status in ("pending", "held") else {"finished_at": timezone.now() - ended_ago}
    because = "It would archive 30 of 40 products." if status == "held" else ""
    return SyncRun.objects.create(
        connection=pms, mode="full", resources=["stock"], status=status, held_because=because, actor="system", **ends
    )


def make_events(pms: PMSConnection, *statuses: str, received_ago: timedelta = A_MINUTE_AGO) -> None:
    for number, status in enumerate(statuses):
        event = store_webhook(connection=pms, webhook_id=f"{received_ago}-{number}", type="x", body=b"{}")
        due_at = None if status in ("processed", "ignored", "dead") else event.received_at
        received_at = timezone.now() - received_ago
        PMSEvent.objects.filter(pk=event.pk).update(status=status, due_at=due_at, received_at=received_at)


def is_called(pms: PMSConnection, **state: object) -> None:
    PMSConnection.objects.filter(pk=pms.pk).update(base_url=f"https://{pms.slug}.example", **state)


def health(title: str, client: Client | None = None) -> tuple[str, list[str], bool]:
    """The words, the details as texts, and whether all is well."""
    (part,) = (one for one in (client or superuser()).get(DASHBOARD).context["health"] if one.title == title)
    return part.words, [re.sub(r"\s+", " ", strip_tags(detail)) for detail in part.details], part.is_good


def test_all_is_well() -> None:
    demo, shop = make_connection("demo"), make_connection("shop")
    is_called(demo), is_called(shop)
    make_events(demo, *["processed"] * 3, "ignored")
    make_run(shop, "finished")

    assert health("Sync") == (
        "All 2 PMSs answer. All of 4 events of the last 24 hours were applied. 1 of 1 sync run finished.",
        [],
        True,
    )


def test_what_does_not_work_is_named() -> None:
    demo, shop, new = make_connection("demo"), make_connection("shop"), make_connection("new")
    heard = timezone.now() - timedelta(hours=2)
    later = timezone.now() + timedelta(hours=1)
    is_called(demo)
    is_called(shop, circuit="open", next_try_at=later, last_contact_at=heard)
    is_called(new, circuit="open", next_try_at=later)
    make_events(demo, *["processed"] * 300, "dead")
    make_events(shop, "processed")
    for status in ("finished", "failed"):
        make_run(demo, status)
    held = make_run(demo, "held")
    failed = SyncRun.objects.get(status="failed")

    assert health("Sync") == (
        "1 of 3 PMSs answers. 99.6 % of 302 events of the last 24 hours were applied. 1 of 2 sync runs finished.",
        [
            "Demo: 99.6 % of 301 events were applied.",
            f"Sync run {held.pk} of Demo is held.",
            f"Sync run {failed.pk} of Demo has failed.",
            "New has not answered yet.",
            f"Shop has not answered since {heard:%Y-%m-%d %H:%M} UTC.",
        ],
        False,
    )


def test_what_is_named_is_linked() -> None:
    pms, client = make_connection(), superuser()
    run = make_run(pms, "failed")

    (part,) = (one for one in client.get(DASHBOARD).context["health"] if one.title == "Sync")

    assert f'href="{reverse("admin:pms_integration_syncrun_change", args=[run.pk])}"' in part.details[0]


def test_only_the_last_24_hours_count() -> None:
    pms = make_connection()
    a_day_ago = sync_success.WINDOW + A_MINUTE_AGO
    make_run(pms, "failed", ended_ago=a_day_ago)
    make_events(pms, "dead", "dead", received_ago=a_day_ago)

    assert health("Sync") == (
        "The PMS is not called: it only sends webhooks. No event came in the last 24 hours.",
        [],
        True,
    )


def test_a_run_that_was_held_days_ago_is_still_named() -> None:
    run = make_run(make_connection(), "held")
    SyncRun.objects.update(created_at=timezone.now() - timedelta(days=3))

    assert health("Sync")[1] == [f"Sync run {run.pk} of Demo is held."]


def test_only_the_newest_events_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_success, "MAX_EVENTS", 3)
    make_events(make_connection(), "dead", "processed", "processed", "processed")

    assert "All of the newest 3 events of the last 24 hours were applied." in health("Sync")[0]


@pytest.mark.slow
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


def test_without_connections_the_page_says_so() -> None:
    assert health("Sync") == ("No PMS is connected.", [], True)


def test_endpoints_that_fail_are_named_and_those_that_were_switched_off_are_not_counted() -> None:
    since = timezone.now() - timedelta(hours=3)
    disabled = {"is_active": False, "disabled_at": since, "resume_after": 0}
    states = {
        "Good": {},
        "Failing": {"failing_since": since},
        "Gone": {**disabled, "disabled_reason": "It has failed for 5 days."},
        "Off": {**disabled, "disabled_reason": SWITCHED_OFF},
    }
    for name, state in states.items():
        WebhookEndpoint.objects.create(
            url="https://x.example/", description=name, event_types=["*"], secret="s", **state
        )

    words = f"since {since:%Y-%m-%d %H:%M} UTC."
    client = superuser()
    assert health("Deliveries", client) == (
        "1 of 3 endpoints gets its events.",
        [f"Failing is failing {words}", f"Gone is disabled {words}"],
        False,
    )
    WebhookEndpoint.objects.exclude(description="Good").delete()
    assert health("Deliveries", client) == ("The endpoint gets all its events.", [], True)
    WebhookEndpoint.objects.all().delete()
    assert health("Deliveries", client) == ("Nobody has asked for webhooks.", [], True)


def test_the_feed_is_late_when_an_event_waits_for_more_than_a_minute() -> None:
    make_product("A-1"), make_product("B-1")
    client = superuser()
    assert health("Feed", client) == ("Up to date.", [], True)

    since = timezone.now() - timedelta(minutes=5)
    Event.objects.update(occurred_at=since)

    count = Event.objects.count()
    assert health("Feed", client) == (
        f"{count} events wait to be published.",
        [f"The oldest has waited since {since:%Y-%m-%d %H:%M} UTC."],
        False,
    )
    events.relay_pending()
    assert health("Feed", client) == ("Up to date.", [], True)


def test_each_part_needs_its_permissions() -> None:
    parts = {
        "ben": (SYNC_PERMISSIONS[:2], []),
        "eva": (SYNC_PERMISSIONS, ["Sync"]),
        "kim": (("webhooks.view_webhookendpoint", "events.view_event"), ["Deliveries", "Feed"]),
    }

    for name, (permissions, titles) in parts.items():
        response = staff_with(*permissions, name=name).get(DASHBOARD)
        assert [part.title for part in response.context["health"]] == titles
