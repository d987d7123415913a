"""For how long the queues have been waiting: what could be worked on counts, and nothing else."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from inventory.models import StockLevel
from inventory.services import adjust_stock
from pms_backend.events.models import Event
from pms_backend.operations import backlog
from pms_backend.operations.backlog import Lag, lags
from pms_integration.models import (
    ImportJob,
    PMSConnection,
    PMSEvent,
    PMSLocation,
    PMSProduct,
    PMSProductPush,
    PMSStockPush,
)
from tests.factories import make_connection, make_location, make_product, make_variant, store_webhook
from webhooks.models import Delivery, WebhookEndpoint

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
NOTHING = dict.fromkeys(("relay", "inbox", "deliveries", "imports", "pushes"), Lag(0, 0))


def waits(queue: str) -> tuple[int, int]:
    """The minutes and the rows of the queue, which is the only one that waits."""
    found = {name: lag for name, lag in lags().items() if lag != Lag(0, 0)}
    assert set(found) <= {queue}
    lag = found.get(queue, Lag(0, 0))
    return int(lag.seconds // 60), lag.waiting


def test_nothing_waits(django_assert_num_queries):
    with django_assert_num_queries(7):
        assert lags() == NOTHING


def test_events_wait_to_be_published():
    make_product("A-1")
    Event.objects.update(occurred_at=timezone.now() - MINUTE)

    assert waits("relay") == (1, Event.objects.count())


def test_webhooks_wait_to_be_applied():
    pms = make_connection()
    for number in range(3):
        store_webhook(connection=pms, webhook_id=str(number), type="x", body=b"{}")
    PMSEvent.objects.update(due_at=timezone.now() - MINUTE)
    PMSEvent.objects.filter(webhook_id="1").update(due_at=timezone.now() + MINUTE, status="deferred")
    PMSEvent.objects.filter(webhook_id="2").update(due_at=None, status="processed")

    assert waits("inbox") == (1, 1)


def test_imports_wait_for_a_worker():
    values = {"format": "csv", "file_name": "a.csv", "size_bytes": 1, "actor": "system"}
    for status, lease in (("pending", -MINUTE), ("running", MINUTE)):
        ImportJob.objects.create(**values, status=status, lease_until=timezone.now() + lease)

    assert waits("imports") == (1, 1)


def make_delivery(endpoint: WebhookEndpoint, sequence: int, due_in: timedelta, **more: object) -> None:
    due = timezone.now() + due_in
    Delivery.objects.create(
        endpoint=endpoint, event_id=sequence, type="x", sequence=sequence, next_attempt_at=due, **more
    )


def make_endpoint(**more: object) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(url="https://x.example/", event_types=["*"], secret="s", **more)


def test_deliveries_wait_to_be_sent_but_not_those_of_endpoints_that_fail():
    good = make_endpoint()
    make_delivery(good, 1, -MINUTE)
    make_delivery(good, 2, MINUTE)
    make_delivery(good, 3, -MINUTE, status="sending")
    make_delivery(make_endpoint(failures=1), 1, -MINUTE * 9)
    make_delivery(
        make_endpoint(is_active=False, disabled_at=timezone.now(), disabled_reason="x", resume_after=0), 1, -MINUTE * 9
    )

    assert waits("deliveries") == (1, 2)


def test_a_delivery_in_order_waits_for_the_one_before_it_and_is_not_late():
    endpoint = make_endpoint()
    make_delivery(endpoint, 1, MINUTE, is_in_order=True)
    make_delivery(endpoint, 2, -MINUTE * 9, is_in_order=True)
    make_delivery(endpoint, 3, -MINUTE)

    assert waits("deliveries") == (1, 1)


def test_a_backlog_of_deliveries_is_not_compared_with_itself():
    for is_in_order in (True, False):
        endpoint = make_endpoint()
        for sequence in range(3):
            make_delivery(endpoint, sequence, -MINUTE, is_in_order=is_in_order)

    plan = Delivery.objects.due().explain(analyze=True)

    assert "actual" in plan
    assert re.search(r"SubPlan \d+\n.*webhooks_delivery .*never executed", plan), plan


@pytest.fixture
def pushes() -> PMSConnection:
    """A PMS that has to be told two changes of the same level."""
    pms = make_connection()
    PMSConnection.objects.update(base_url="https://pms.example")
    location = make_location("main")
    make_variant("A-1")
    for _ in range(2):
        adjust_stock(sku="A-1", location="main", delta=1, reason="receipt")
    PMSLocation.objects.create(connection=pms, location=location, external_id="main")
    level = StockLevel.objects.get()
    PMSStockPush.objects.all().delete()
    for minutes in (2, 1):
        PMSStockPush.objects.create(
            connection=pms, level=level, delta=1, reason="receipt", occurred_at=timezone.now(),
            due_at=timezone.now() - minutes * MINUTE, idempotency_key=uuid.uuid4(),
        )  # fmt: skip
    Event.objects.update(sequence=F("id"))
    return pms


def test_changes_of_stock_wait_to_be_told(pushes: PMSConnection):
    assert waits("pushes") == (2, 2)


def test_those_behind_one_that_waits_do_not_count(pushes: PMSConnection):
    first = PMSStockPush.objects.earliest("id")
    PMSStockPush.objects.filter(pk=first.pk).update(due_at=timezone.now() + MINUTE)

    assert waits("pushes") == (0, 0)


def test_those_of_a_location_that_is_not_mapped_do_not_count(pushes: PMSConnection):
    PMSLocation.objects.all().delete()

    assert waits("pushes") == (0, 0)


@pytest.mark.parametrize("state", [{"is_active": False}, {"is_paused": True}, {"base_url": None}])
def test_those_for_a_pms_that_is_not_called_do_not_count(pushes: PMSConnection, state: dict[str, object]):
    PMSConnection.objects.update(**state)

    assert waits("pushes") == (0, 0)


@pytest.mark.parametrize(
    ("of_push", "of_pms", "count"),
    [
        ({}, {}, 1),
        ({"leased_until": MINUTE}, {}, 0),
        ({"due_at": MINUTE}, {}, 0),
        ({}, {"next_try_at": MINUTE}, 0),
        ({}, {"next_try_at": -MINUTE}, 1),
        ({}, {"is_paused": True}, 0),
    ],
)
def test_changes_of_products_wait_to_be_told(of_push: dict[str, Any], of_pms: dict[str, Any], count: int):
    pms = make_connection()
    link = PMSProduct.objects.create(connection=pms, external_id="1")
    moment = timezone.now()

    def moments(values: dict[str, Any]) -> dict[str, Any]:
        return {name: moment + value if isinstance(value, timedelta) else value for name, value in values.items()}

    PMSProductPush.objects.create(pms_product=link, **{"due_at": moment - 2 * MINUTE, **moments(of_push)})
    PMSConnection.objects.update(base_url="https://pms.example", **moments(of_pms))

    assert waits("pushes") == (2 * count, count)


def test_no_more_rows_are_counted_than_the_limit(monkeypatch):
    monkeypatch.setattr(backlog, "MAX_COUNTED", 2)
    for number in range(3):
        make_product(f"A-{number}")

    assert lags()["relay"].waiting == 2


def test_the_oldest_delivery_counts_however_many_of_another_endpoint_wait(monkeypatch):
    monkeypatch.setattr(backlog, "MAX_COUNTED", 2)
    first, second = make_endpoint(), make_endpoint()
    for sequence in range(3):
        make_delivery(first, sequence, -MINUTE)
    make_delivery(second, 1, -MINUTE * 9)

    assert waits("deliveries") == (9, 2)
