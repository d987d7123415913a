"""`POST /pms/inventory/push/`: what is pending goes out now, and where the stock is ours, what the PMS differs by."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_integration import services
from pms_integration.models import PMSConnection, PMSRefetch, PMSStock, PMSStockPush
from pms_integration.services.stock_pushes.requests import MAX_PUSHED_SKUS
from tests.conftest import JSONClient
from tests.factories import make_connection, make_product
from tests.pms_integration.reports import receive
from tests.pms_integration.stock_pushes.two_systems import Pair

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/pms/inventory/push/"


def request_push(api: JSONClient, **body: Any) -> None:
    answer = api.post(URL, {"skus": ["A-1"], **body})
    assert (answer.status_code, answer.json()) == (202, {"skus": 1, "connections": ["shop"]}), answer.content


def work() -> None:
    """What the workers do when they are woken."""
    PMSRefetch.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    services.ask_due_refetches()
    services.push_due_stock()


def corrections() -> list[tuple[str, int, str]]:
    pushes = PMSStockPush.objects.filter(movement=None).order_by("pk")
    return [(push.level.location.code, push.delta, push.status) for push in pushes.select_related("level__location")]


@contextmanager
def during_the_call(both: Pair, happens: Any) -> Iterator[None]:
    """It happens between the PMS's answer and its application."""
    get_stock = both.other.get_stock

    def answer(client: Any, names: Any) -> Any:
        reports = get_stock(client, names)
        happens()
        return reports

    with patch.object(both.other, "get_stock", answer):
        yield


def test_a_difference_is_sent_as_one_correction_where_the_stock_is_ours(api: JSONClient, both: Pair) -> None:
    both.move_there("outlet", -7, is_lost=True)
    both.move_there("annex", -5, is_lost=True)

    request_push(api)
    request_push(api, connections=["shop"])
    work()
    request_push(api)
    work()

    assert corrections() == [("outlet-shop", 7, "acknowledged")]
    assert (both.here("outlet"), both.there("outlet")) == (50, 50)
    # The PMS owns the stock of the other place: its figure counts.
    assert (both.here("annex"), both.there("annex")) == (45, 45)
    assert not PMSRefetch.objects.exists()
    assert AuditEntry.objects.filter(action="stock.push_requested").count() == 3


def test_what_agrees_sends_nothing(api: JSONClient, both: Pair) -> None:
    request_push(api, skus=["a-1", "A-1"])
    work()

    assert not PMSStockPush.objects.exists()
    assert both.there("outlet") == 50


def test_what_is_pending_goes_out_now_and_is_no_difference(api: JSONClient, both: Pair) -> None:
    both.move_here("outlet", -3)
    both.relay()
    PMSStockPush.objects.update(due_at=timezone.now() + timedelta(hours=1))
    # The relay has not published this one yet.
    both.move_here("outlet", 2)

    request_push(api)
    work()
    both.come_to_rest()

    assert corrections() == []
    assert (both.here("outlet"), both.there("outlet")) == (49, 49)


def test_the_stock_that_opened_a_level_goes_out(api: JSONClient, both: Pair) -> None:
    make_product("B-1")
    both.other.sku = "B-1"
    both.pull()
    from_here = api.post("/api/v1/inventory/counts/", {"sku": "B-1", "location": "outlet-shop", "on_hand": 60})
    assert from_here.status_code == 201

    request_push(api, skus=["B-1"])
    work()

    assert corrections() == [("outlet-shop", 10, "acknowledged")]
    assert both.there("outlet") == 60


def test_a_rejected_push_goes_out_as_a_correction_where_the_stock_is_ours(api: JSONClient, both: Pair) -> None:
    both.move_here("outlet", -3)
    both.move_here("outlet", -1)
    both.relay()
    PMSStockPush.objects.filter(delta=-3).update(status="rejected", error="closed_for_stocktake")

    request_push(api)
    work()
    request_push(api)
    work()

    assert corrections() == [("outlet-shop", -3, "acknowledged")]
    assert (both.here("outlet"), both.there("outlet")) == (46, 46)


def test_webhooks_that_were_received_before_are_applied_first(api: JSONClient, both: Pair) -> None:
    both.move_there("outlet", -4)
    kind, data = both.other.post.pop()
    receive(both.pms, kind, data)

    request_push(api)
    work()
    assert (corrections(), PMSRefetch.objects.count()) == ([], 1)

    services.apply_due_events()
    work()
    assert (corrections(), PMSRefetch.objects.count()) == ([], 0)
    assert (both.here("outlet"), both.there("outlet")) == (46, 46)


def test_a_webhook_that_cannot_be_applied_holds_a_correction_up_for_a_minute_only(api: JSONClient, both: Pair) -> None:
    both.move_there("outlet", -7, is_lost=True)
    receive(both.pms, "inventory.adjusted", {})
    request_push(api)

    PMSRefetch.objects.update(requested_at=timezone.now() - timedelta(seconds=55))
    both.pms.events.update(received_at=timezone.now() - timedelta(seconds=90))
    work()
    assert corrections() == []
    PMSRefetch.objects.update(requested_at=timezone.now() - timedelta(seconds=61))
    work()

    assert corrections() == [("outlet-shop", 7, "acknowledged")]


def test_a_push_whose_answer_is_lost_is_answered_first(api: JSONClient, both: Pair) -> None:
    both.move_here("outlet", -3)
    both.relay()
    both.push("after")

    request_push(api)
    # The PMS's figure includes it, and nobody knows.
    PMSStockPush.objects.update(due_at=timezone.now() + timedelta(hours=1))
    work()
    assert (corrections(), PMSRefetch.objects.count()) == ([], 1)

    PMSRefetch.objects.update(requested_at=timezone.now() - timedelta(seconds=61))
    work()
    assert PMSRefetch.objects.get().due_at > timezone.now() + timedelta(seconds=10)

    both.push()
    work()
    assert (corrections(), PMSRefetch.objects.count()) == ([], 0)
    assert (both.here("outlet"), both.there("outlet")) == (47, 47)


def test_what_happens_here_while_the_pms_is_asked_is_pending(api: JSONClient, both: Pair) -> None:
    both.move_there("outlet", -7, is_lost=True)
    request_push(api)

    with during_the_call(both, lambda: both.move_here("outlet", -2)):
        work()
    both.come_to_rest()

    assert corrections() == [("outlet-shop", 7, "acknowledged")]
    assert (both.here("outlet"), both.there("outlet")) == (48, 48)


def test_a_push_that_is_sent_and_answered_while_the_pms_is_asked_is_no_difference(api: JSONClient, both: Pair) -> None:
    both.move_here("outlet", -2)
    both.relay()
    request_push(api)

    with during_the_call(both, both.push):
        work()

    assert corrections() == []
    assert (both.here("outlet"), both.there("outlet")) == (48, 48)


def test_a_level_that_the_pms_does_not_name_is_not_corrected(api: JSONClient, both: Pair) -> None:
    PMSStock.objects.filter(location__code="outlet-shop").update(on_hand=40)
    del both.other.levels["outlet"]

    request_push(api)
    work()

    assert corrections() == []


@pytest.mark.parametrize(
    ("body", "status", "code", "pointers"),
    [
        ({"skus": ["A-1", "X-1", "X-2"]}, 422, "unknown_sku", ["/skus/1", "/skus/2"]),
        ({"skus": ["A-1"], "connections": ["shop", "none"]}, 422, "unknown_connection", ["/connections/1"]),
        ({"skus": ["A-1"], "connections": ["shop", "inbound"]}, 409, "pms_not_called", []),
        ({"skus": ["A-1"], "connections": []}, 422, "validation_failed", ["/connections"]),
        ({"skus": []}, 422, "validation_failed", ["/skus"]),
        ({"skus": [f"S-{number}" for number in range(MAX_PUSHED_SKUS + 1)]}, 422, "validation_failed", ["/skus"]),
        ({}, 422, "validation_failed", ["/skus"]),
    ],
)
def test_what_cannot_be_pushed_is_refused(
    api: JSONClient, both: Pair, body: dict[str, Any], status: int, code: str, pointers: list[str]
) -> None:
    make_connection("inbound")

    refused = api.post(URL, body)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert [error["pointer"] for error in refused.json().get("errors", ())] == pointers
    assert not PMSRefetch.objects.exists()


def test_without_connections_it_is_all_that_are_told(api: JSONClient, both: Pair) -> None:
    make_connection("inbound")
    make_connection("idle")
    PMSConnection.objects.filter(slug="idle").update(base_url="http://pms.example", is_active=False)

    request_push(api)
    request_push(api, connections=None)

    assert PMSRefetch.objects.get().corrects


def test_a_request_by_a_webhook_does_not_take_the_correction_away(api: JSONClient, both: Pair) -> None:
    both.move_there("outlet", -7, is_lost=True)

    request_push(api)
    services.refetches.request(both.pms, [("stock", "A-1")])
    work()

    assert corrections() == [("outlet-shop", 7, "acknowledged")]
