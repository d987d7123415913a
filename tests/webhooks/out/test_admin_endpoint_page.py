"""The list and the page of endpoints say how they do, in words and as a chart, at a cost that does not grow."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pms_backend.access.services import create_api_client
from tests.staff import staff_with, superuser
from tests.webhooks.out.attempts import make_attempts
from tests.webhooks.out.delivering import make_endpoint, read
from webhooks import health_report
from webhooks.endpoint_words import health_in_words, subscription_in_words, waiting_in_words
from webhooks.health_report import Hour, Recent, last_hours, recent_attempts
from webhooks.models import SWITCHED_OFF, Delivery, WebhookEndpoint
from webhooks.services.health import GONE_REASON

pytestmark = pytest.mark.django_db

LIST = "/admin/webhooks/webhookendpoint/"
SINCE = datetime(2026, 1, 27, 14, 5, tzinfo=UTC)
FAILING = {"failing_since": SINCE, "failures": 12}
DISABLED = {"is_active": False, "disabled_at": SINCE, "resume_after": 1_200}


def page(endpoint: WebhookEndpoint) -> str:
    return reverse("admin:webhooks_webhookendpoint_change", args=[endpoint.pk])


@pytest.mark.parametrize(
    ("state", "recent", "words"),
    [
        ({}, Recent(), "Nothing was sent yet."),
        (
            {"last_success_at": SINCE},
            Recent(),
            "Nothing was sent in the last 24 hours. The last delivery succeeded at 2026-01-27 14:05 UTC.",
        ),
        ({}, Recent(7, 7, 84, 200), "All delivered in the last 24 hours. Median: 84 ms."),
        ({}, Recent(1000, 1000, 1084, 200), "All of the last 1,000 attempts were delivered. Median: 1,084 ms."),
        ({}, Recent(1000, 990, 84, 200), "990 of the last 1,000 attempts were delivered. Median: 84 ms."),
        ({}, Recent(7, 6, 84, 500), "6 of 7 attempts of the last 24 hours were delivered. Median: 84 ms."),
        ({}, Recent(2, 0, None, 503), "0 of 2 attempts of the last 24 hours were delivered."),
        (
            FAILING,
            Recent(12, 0, None, 500),
            "Failing since 2026-01-27 14:05 UTC: 12 attempts in a row have failed, the last one was answered 500. If "
            "that goes on, it is disabled on 2026-02-01 14:05 UTC.",
        ),
        (
            FAILING | {"failures": 1},
            Recent(1, 0, None, None),
            "Failing since 2026-01-27 14:05 UTC: 1 attempt has failed, the last one without an answer. If that goes "
            "on, it is disabled on 2026-02-01 14:05 UTC.",
        ),
        (
            DISABLED | {"disabled_reason": SWITCHED_OFF},
            Recent(),
            "Disabled since 2026-01-27 14:05 UTC. Somebody has switched it off. Nothing is sent. Enable it to send "
            "what it has missed, after the sequence 1,200.",
        ),
        (
            DISABLED | {"disabled_reason": GONE_REASON},
            Recent(),
            "Disabled since 2026-01-27 14:05 UTC. It has answered 410 Gone. Nothing is sent. Enable it to send what it "
            "has missed, after the sequence 1,200.",
        ),
    ],
)
def test_the_health_is_said_in_words(state: dict[str, Any], recent: Recent, words: str):
    assert health_in_words(WebhookEndpoint(**state), recent) == words


def test_an_endpoint_that_is_held_up_says_until_when():
    until = timezone.now() + timedelta(minutes=4)

    words = health_in_words(WebhookEndpoint(next_try_at=until), Recent(3, 3, 8, 200))

    assert words == f"All delivered in the last 24 hours. Median: 8 ms. Nothing is sent before {until:%H:%M:%S} UTC."


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (["*"], "All events."),
        (["product.updated", "transfer.*"], "product.updated; all of transfer.* ("),
    ],
)
def test_what_an_endpoint_gets_is_said_in_words(patterns: list[str], words: str):
    assert subscription_in_words(patterns).startswith(words)


def test_what_waits_is_counted_up_to_a_limit(monkeypatch: pytest.MonkeyPatch):
    endpoint = make_endpoint()
    assert waiting_in_words(endpoint) == "Nothing waits to be sent."

    made = [Delivery(endpoint=endpoint, event_id=number, type="x", sequence=number) for number in (1, 2, 3)]
    Delivery.objects.bulk_create(made)
    Delivery.objects.filter(sequence=1).update(created_at=SINCE)
    assert waiting_in_words(endpoint) == "3 deliveries wait to be sent, the oldest since 2026-01-27 14:05 UTC."

    monkeypatch.setattr("webhooks.endpoint_words.MAX_COUNTED", 2)
    assert waiting_in_words(endpoint).startswith("2+ deliveries wait to be sent")


def test_the_attempts_of_each_hour_are_counted_with_their_median():
    endpoint, other = make_endpoint(), make_endpoint()
    present = timezone.now().replace(minute=0, second=0, microsecond=0)
    make_attempts(endpoint, present, [(200, 10), (204, 30), (500, 20), (None, 1)])
    make_attempts(endpoint, present - timedelta(hours=23), [(200, 7)])
    make_attempts(endpoint, present - timedelta(hours=24), [(200, 9)])
    make_attempts(other, present, [(200, 9)])

    hours = last_hours(endpoint)

    assert [hour.begins_at for hour in (hours[0], hours[-1])] == [present - timedelta(hours=23), present]
    assert len(hours) == 24
    assert hours[-1] == Hour(present, succeeded=2, failed=2, median_ms=15)
    assert hours[0] == Hour(present - timedelta(hours=23), succeeded=1, failed=0, median_ms=7)
    assert sum(hour.succeeded + hour.failed for hour in hours) == 5


def test_the_newest_attempts_of_several_endpoints_are_read_in_one_statement(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
):
    first, second, third = make_endpoint(), make_endpoint(), make_endpoint()
    now = timezone.now()
    make_attempts(first, now - timedelta(hours=25), [(200, 1)])
    make_attempts(first, now - timedelta(hours=2), [(200, 10), (200, 20)])
    make_attempts(first, now - timedelta(hours=1), [(503, 900)])
    make_attempts(second, now - timedelta(hours=1), [(None, 15_000)])

    with django_assert_num_queries(1):
        found = recent_attempts([first.pk, second.pk, third.pk])

    assert found == {first.pk: Recent(3, 2, 15, 503), second.pk: Recent(1, 0, None, None), third.pk: Recent()}


def test_the_page_has_words_a_chart_with_its_figures_and_the_last_attempts():
    endpoint = make_endpoint("https://shop.example/hook", description="Shop", headers={"X-Key": "secret-value"})
    delivery = make_attempts(endpoint, timezone.now(), [(500, 9), (200, 84)])

    shown = superuser().get(page(endpoint))

    text = shown.content.decode()
    assert "1 of 2 attempts of the last 24 hours were delivered. Median: 84 ms." in text
    assert "Attempts of the last 24 hours: 1 delivered, 1 failed" in text
    chart = shown.context["chart"]
    assert [sum(one["data"]) for one in json.loads(chart.data)["datasets"]] == [1, 1]
    assert (len(chart.table.rows), chart.table.rows[0][1:]) == (24, ("1", "1", "46"))
    assert reverse("admin:webhooks_delivery_change", args=[delivery.pk]) in text
    assert f"{reverse('admin:webhooks_delivery_changelist')}?endpoint__id__exact={endpoint.pk}" in text
    assert ("X-Key: set" in text, "secret-value" in text, endpoint.secret in text) == (True, False, False)


def test_who_may_not_see_deliveries_sees_the_endpoint_without_them():
    endpoint = make_endpoint()
    make_attempts(endpoint, timezone.now(), [(200, 84)])

    shown = staff_with("webhooks.view_webhookendpoint").get(page(endpoint))

    assert shown.status_code == 200
    assert "last_attempts" not in shown.context
    assert "Send test" not in shown.content.decode()


def test_the_owner_is_a_link_for_those_who_may_see_clients():
    client = create_api_client(name="Shop", scopes=["webhooks:write"]).client
    endpoint = make_endpoint(owner=f"client:{client.public_id}")
    address = f"{reverse('admin:access_apiclient_changelist')}?q={client.public_id}"

    users = superuser(), staff_with("webhooks.view_webhookendpoint")

    both = [user.get(page(endpoint)).content.decode() for user in users]

    assert [address in text for text in both] == [True, False]
    assert all(f"api_client:{client.public_id}" in text for text in both)


def test_the_buttons_fit_the_state():
    active, disabled = make_endpoint(), make_endpoint()
    WebhookEndpoint.objects.filter(pk=disabled.pk).update(**DISABLED, disabled_reason=SWITCHED_OFF)
    client = superuser()

    def buttons(endpoint: WebhookEndpoint) -> list[bool]:
        text = client.get(page(endpoint)).content.decode()
        return [f"/{endpoint.pk}/{name}" in text for name in ("send-test", "replay", "edit", "rotate-secret", "enable")]

    assert buttons(active) == [True, True, True, True, False]
    assert buttons(disabled) == [False, False, True, True, True]


def test_the_list_and_the_page_cost_the_same_for_any_number():
    client, endpoint = superuser(), make_endpoint()

    def costs() -> list[int]:
        found = []
        for address in (LIST, page(endpoint)):
            client.get(address)
            with CaptureQueriesContext(connection) as statements:
                assert client.get(address).status_code == 200
            found.append(len(statements))
        return found

    few = costs()
    for _ in range(6):
        make_attempts(make_endpoint(), timezone.now(), [(200, 9)] * 3)
        make_attempts(endpoint, timezone.now(), [(200, 9)] * 3)

    assert costs() == few
    assert max(few) <= 12


def test_the_day_is_read_from_the_index_alone():
    endpoint = make_endpoint()
    make_attempts(endpoint, timezone.now(), [(200, 9)] * 30)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_deliveryattempt")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        hours = f"EXPLAIN {health_report._HOURS}"
        cursor.execute(hours, {"endpoint": endpoint.pk, "hours": [timezone.now() - timedelta(hours=1)]})
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert plan.count("Index Only Scan") == 2
    assert "webhook_attempt_of_endpoint" in plan


def test_an_endpoint_that_is_deleted_takes_its_attempts_with_it():
    kept, deleted = make_endpoint(), make_endpoint()
    for endpoint in (kept, deleted):
        make_attempts(endpoint, timezone.now(), [(200, 9)])

    superuser().post(reverse("admin:webhooks_webhookendpoint_delete", args=[deleted.pk]), {"confirm": "1"})

    assert [recent_attempts([one.pk])[one.pk].attempts for one in (kept, deleted)] == [1, 0]
    assert read(kept).pk == kept.pk
