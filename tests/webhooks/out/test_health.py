"""An endpoint that fails is held up, its owner is told, and in the end it is disabled."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from pms_backend.events.models import Event
from tests.outbound.servers import LocalServer, saying
from tests.webhooks.out.delivering import (
    make_due,
    make_endpoint,
    move_back,
    publish,
    read,
    send_all,
    statuses,
)
from webhooks import services
from webhooks.models import Delivery, WebhookEndpoint, unsettled
from webhooks.schedule import BREAKS_AFTER
from webhooks.services.health import FAILED_REASON, GONE_REASON

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


@pytest.fixture
def endpoint(subscriber: LocalServer) -> WebhookEndpoint:
    """One whose subscriber answers 500."""
    subscriber.respond = saying(b"", 500)
    return make_endpoint(subscriber, types=["thing.*"], owner="client:tests")


def told() -> list[tuple[str, dict[str, Any]]]:
    rows = Event.objects.filter(type__startswith="endpoint.").order_by("id")
    return list(rows.values_list("type", "data"))


def fail() -> None:
    make_due()
    assert send_all() > 0


def seconds_until(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - timezone.now()).total_seconds()


def test_failures_in_a_row_hold_up_all_deliveries_to_an_endpoint(subscriber: LocalServer, endpoint: WebhookEndpoint):
    publish("a")
    for _ in range(BREAKS_AFTER - 1):
        fail()
    assert (read(endpoint).failures, read(endpoint).next_try_at) == (BREAKS_AFTER - 1, None)

    fail()
    assert 0 < seconds_until(read(endpoint).next_try_at) <= 7.5
    publish("b")
    assert send_all() == 0

    WebhookEndpoint.objects.update(next_try_at=timezone.now())
    assert send_all() == 1
    assert read(endpoint).failures == BREAKS_AFTER + 1


def test_a_success_makes_it_healthy(subscriber: LocalServer, endpoint: WebhookEndpoint):
    publish("a")
    fail()
    failing = read(endpoint)
    assert failing.failing_since is not None
    assert failing.failed_from == Delivery.objects.get().sequence

    subscriber.respond = saying(b"")
    fail()

    healthy = read(endpoint)
    assert (healthy.failures, healthy.failing_since, healthy.last_failure_at, healthy.failed_from) == (
        *(0, None, None),
        None,
    )
    assert healthy.last_success_at is not None


@pytest.mark.parametrize("status", [429, 503])
def test_an_answer_that_asks_to_wait_does_not_count_against_it(
    subscriber: LocalServer, endpoint: WebhookEndpoint, status: int
):
    subscriber.respond = saying(b"", status, Retry_After="3600")
    publish("a", "b")
    send_all()

    found = read(endpoint)
    assert (found.failures, found.failing_since) == (0, None)
    assert 3_590 < seconds_until(found.next_try_at) <= 3_600
    assert set(statuses(endpoint)) == {"pending"}
    assert {seconds_until(row.next_attempt_at) > 3_590 for row in Delivery.objects.filter(tries=1)} == {True}


def test_nobody_asks_to_wait_for_longer_than_a_day(subscriber: LocalServer, endpoint: WebhookEndpoint):
    subscriber.respond = saying(b"", 503, Retry_After="999999")
    publish("a")
    send_all()

    assert 86_390 < seconds_until(read(endpoint).next_try_at) <= 86_400
    assert 86_390 < seconds_until(Delivery.objects.get().next_attempt_at) <= 86_400


def test_its_owner_is_told_once_after_one_day_and_once_after_three(endpoint: WebhookEndpoint, caplog):
    publish("a")
    fail()
    since = read(endpoint).failing_since
    assert since is not None
    for days in (0, 1, 1, 1, 1):
        move_back(endpoint, days * DAY * 0.98)
        for _ in range(2):
            services.check_failing_endpoints()

    moved = read(endpoint).failing_since
    assert moved is not None
    warnings = [(kind, data["days"], data["owner"], data["id"]) for kind, data in told()]
    assert warnings == [
        ("endpoint.failing", 1, "client:tests", endpoint.pk),
        ("endpoint.failing", 3, "client:tests", endpoint.pk),
    ]
    # It may hold a token, and everybody reads the feed.
    assert endpoint.url not in str(told())
    assert sum("has had no success" in record.message for record in caplog.records) == 2
    assert read(endpoint).is_active


def test_it_is_warned_at_a_failure_too(endpoint: WebhookEndpoint):
    publish("a")
    fail()
    move_back(endpoint, DAY)
    fail()

    assert [kind for kind, _ in told()] == ["endpoint.failing"]


def test_after_five_days_it_is_disabled_and_its_owner_is_told(endpoint: WebhookEndpoint, caplog):
    publish("a", "b")
    fail()
    move_back(endpoint, 4.9 * DAY)
    fail()
    assert read(endpoint).is_active
    move_back(endpoint, 0.2 * DAY)

    services.check_failing_endpoints()

    found = read(endpoint)
    assert (found.is_active, found.disabled_reason) == (False, FAILED_REASON)
    assert found.disabled_at is not None
    first = Delivery.objects.earliest("sequence").sequence
    assert found.resume_after == first - 1
    assert statuses(endpoint) == ["cancelled", "cancelled"]
    assert told()[-1] == (
        "endpoint.disabled",
        {"id": endpoint.pk, "owner": "client:tests", "reason": FAILED_REASON, "resume_after": first - 1},
    )
    assert f"The webhook endpoint {endpoint.pk} is disabled" in caplog.text
    assert services.check_failing_endpoints() == 0


def test_failures_that_lie_less_than_twelve_hours_apart_disable_nothing(endpoint: WebhookEndpoint):
    publish("a")
    fail()
    move_back(endpoint, 6 * DAY)
    services.check_failing_endpoints()

    assert read(endpoint).is_active


def test_gone_disables_at_once(subscriber: LocalServer, endpoint: WebhookEndpoint):
    subscriber.respond = saying(b"", 410)
    publish("a")
    send_all()

    found = read(endpoint)
    assert (found.is_active, found.disabled_reason) == (False, GONE_REASON)
    assert found.resume_after == Delivery.objects.get().sequence - 1
    assert statuses(endpoint) == ["cancelled"]
    assert [kind for kind, _ in told()] == ["endpoint.disabled"]
    publish("b")
    assert (send_all(), len(subscriber.received)) == (0, 1)


def test_gone_counts_among_other_answers(subscriber: LocalServer, endpoint: WebhookEndpoint):
    subscriber.respond = lambda handler: saying(b"", 410 if len(subscriber.received) == 2 else 200)(handler)
    publish(*"abcd")
    send_all()

    assert read(endpoint).disabled_reason == GONE_REASON


def test_another_url_is_healthy_until_it_fails(endpoint: WebhookEndpoint, subscriber: LocalServer):
    publish("a")
    for _ in range(BREAKS_AFTER):
        fail()
    services.update_endpoint(endpoint_id=endpoint.pk, values={"url": f"{endpoint.url}?new"})

    found = read(endpoint)
    assert (found.failures, found.failing_since, found.next_try_at) == (0, None, None)


def test_an_endpoint_that_fails_while_another_succeeds_is_the_only_one_held_up(
    subscriber: LocalServer, endpoint: WebhookEndpoint
):
    good = make_endpoint(f"http://127.0.0.1:{subscriber.port}/good/")
    subscriber.respond = lambda handler: saying(b"", 200 if handler.path == "/good/" else 500)(handler)
    publish(*(str(number) for number in range(50)))
    send_all()

    assert set(statuses(good)) == {"delivered"}
    assert read(endpoint).failures >= 1
    assert unsettled(endpoint=endpoint).count() == 50
