"""Webhooks of the simulator: signed, announced with the change, and lost, doubled, reordered or late as it is set."""

import itertools
from datetime import UTC, datetime

import pytest

from pms_integration.connectors.standard import StandardConnector
from pms_integration.services.report_validation import Delta, ExternalProduct, Figure, validated
from tests.pms_integration.simulator.calling import SimulatorHere, adjustment, product
from tests.pms_integration.simulator.receiving import SECRET, Receiver


@pytest.fixture
def subscribed(start, receiver: Receiver) -> SimulatorHere:
    """With A-1 in its catalogue, which it has not announced."""
    pms: SimulatorHere = start(webhook_url=receiver.url, webhook_secret=SECRET)
    pms.control("products?silent=1", product(id="p", status="draft"), status=201)
    return pms


def move(pms: SimulatorHere, *quantities: int) -> None:
    for quantity in quantities:
        pms.control("stock/receive", {"sku": "A-1", "location": "W1", "quantity": quantity})


def deltas(messages: list[dict]) -> list[int]:
    return [message["data"]["delta"] for message in messages]


def test_stock_is_announced_with_its_moment(subscribed: SimulatorHere, receiver: Receiver):
    received = subscribed.control("stock/receive", {"sku": "A-1", "location": "W1", "quantity": 9})
    counted = subscribed.control("stock/count", {"sku": "A-1", "location": "W1", "on_hand": 0})
    (applied,) = subscribed.adjust(adjustment("k1"))
    sold = subscribed.control("stock/sell?figure=1", {"sku": "A-1", "location": "W1", "quantity": 1})

    named, moments = {"sku": "A-1", "location": "W1"}, [received, counted, applied, sold]
    expected = [
        ("inventory.adjusted", {"delta": 9, "reason": "receipt"}),
        ("inventory.updated", {"on_hand": 0, "version": 2}),
        ("inventory.adjusted", {"delta": -1, "reason": "sale", "reference": "order 7", "idempotency_key": "k1"}),
        ("inventory.updated", {"on_hand": -2, "version": 4}),
    ]
    assert receiver.wait_for(4) == [
        {"type": kind, "timestamp": one["occurred_at"], "data": {**named, **data, "occurred_at": one["occurred_at"]}}
        for (kind, data), one in zip(expected, moments, strict=True)
    ]
    assert len(set(receiver.ids)) == 4


def test_products_are_announced_as_they_are_listed(subscribed: SimulatorHere, receiver: Receiver):
    made = subscribed.create(product("B-1"))
    edits = [
        subscribed.control("products/p", edit, method="PATCH")
        for edit in ({"status": "active"}, {"brand": "B"}, {"status": "draft"})
    ]
    gone = subscribed.control("products/p", method="DELETE")

    messages = receiver.wait_for(5)
    assert [message["type"].removeprefix("product.") for message in messages] == [
        *("created", "published", "updated", "unpublished"),
        "deleted",
    ]
    assert [message["data"] for message in messages] == [made, *edits, gone]


def test_our_connector_reads_what_is_announced(subscribed: SimulatorHere, receiver: Receiver):
    subscribed.control("products/p", {"brand": "B"}, method="PATCH")
    move(subscribed, 5)
    subscribed.control("stock/count", {"sku": "A-1", "location": "W1", "on_hand": 2})
    subscribed.control("products/p", method="DELETE")

    reports = [StandardConnector().parse({}, message) for message in receiver.wait_for(4)]
    valid = [validated(report, received_at=datetime.now(UTC), slug="demo") for (report,) in reports]
    assert [type(one) for one in valid] == [ExternalProduct, Delta, Figure, ExternalProduct]


def test_nothing_is_announced_that_is_silent_refused_or_repeated(subscribed: SimulatorHere, receiver: Receiver):
    subscribed.control("stock/receive?silent=1", {"sku": "A-1", "location": "W1", "quantity": 5})
    subscribed.replace("p", product(), version=7, key="k", status=412)
    subscribed.adjust(adjustment("k1", sku="no"))
    subscribed.adjust(adjustment("k1"))
    subscribed.adjust(adjustment("k1"))
    move(subscribed, 3)

    assert deltas(receiver.wait_for(2)) == [-1, 3]


def test_a_lost_webhook_never_comes(subscribed: SimulatorHere, receiver: Receiver):
    subscribed.set_faults({"lost_webhook": 1})
    move(subscribed, 1, 2)
    subscribed.set_faults({})
    move(subscribed, 3)

    assert deltas(receiver.wait_for(1)) == [3]
    lost = [row for row in subscribed.get("/_simulator/webhooks")["webhooks"] if row["status"] == "lost"]
    assert [row["body"]["data"]["delta"] for row in lost] == [1, 2]
    assert subscribed.counters()["webhooks.lost"] == 2


def test_a_duplicate_has_the_same_id(subscribed: SimulatorHere, receiver: Receiver):
    subscribed.set_faults({"duplicate_webhook": 1, "duplicate_seconds": 0.1})
    move(subscribed, 1, 2)

    messages = receiver.wait_for(4)
    pairs = sorted(zip(receiver.ids, deltas(messages), strict=True))
    assert [list(group) for _, group in itertools.groupby(pairs)] == [pairs[:1] * 2, pairs[2:3] * 2]
    assert len({webhook_id for webhook_id, _ in pairs}) == 2


def test_a_reordered_webhook_comes_after_the_next(subscribed: SimulatorHere, receiver: Receiver):
    subscribed.set_faults({"reordered_webhook": 1, "reorder_seconds": 3600})
    move(subscribed, 1, 2, 3, 4)

    assert deltas(receiver.wait_for(4)) == [2, 1, 4, 3]
    assert subscribed.counters()["webhooks.reordered"] == 2


def test_a_reordered_webhook_comes_although_no_other_follows(subscribed: SimulatorHere, receiver: Receiver):
    subscribed.set_faults({"reordered_webhook": 1, "reorder_seconds": 0.1})
    move(subscribed, 1)

    assert deltas(receiver.wait_for(1)) == [1]


def test_a_late_webhook_is_overtaken(subscribed: SimulatorHere, receiver: Receiver):
    subscribed.set_faults({"late_webhook": 1, "late_seconds": 3600})
    move(subscribed, 1)
    subscribed.set_faults({})
    move(subscribed, 2)

    assert deltas(receiver.wait_for(1)) == [2]
    late = subscribed.get("/_simulator/webhooks")["webhooks"][-1]
    assert late["body"]["data"]["delta"] == 1
    assert subscribed.control("webhooks/deliver", {"ids": [late["id"]]}) == {"statuses": [202]}
    assert deltas(receiver.wait_for(2)) == [2, 1]
    assert late["id"] not in [row["id"] for row in subscribed.get("/_simulator/webhooks")["webhooks"]]


def test_the_same_seed_disturbs_the_same_webhooks(start, receiver: Receiver):
    faults = {"lost_webhook": 0.2, "duplicate_webhook": 0.3, "late_webhook": 0.3, "reordered_webhook": 0.3}
    found = []
    for seed in ("1", "1", "2"):
        pms: SimulatorHere = start(webhook_url=receiver.url, webhook_secret=SECRET, faults=faults, seed=seed)
        pms.control("webhooks", {"is_paused": True})
        pms.create(product())
        move(pms, *range(1, 31))
        rows = pms.get("/_simulator/webhooks")["webhooks"]
        found.append(sorted((row["status"], row["body"]["data"].get("delta", 0)) for row in rows))

    assert found[0] == found[1] != found[2]
    assert receiver.messages == []


@pytest.mark.parametrize("status", [503, 401, 404])
def test_what_is_not_taken_is_sent_again_under_its_id(subscribed: SimulatorHere, receiver: Receiver, status):
    receiver.answers = [(status, {"Retry-After": "0"})]
    move(subscribed, 1)

    assert deltas(receiver.wait_for(2)) == [1, 1]
    assert len(set(receiver.ids)) == 1


def test_what_is_refused_for_good_is_not_sent_again(subscribed: SimulatorHere, receiver: Receiver):
    receiver.answers = [(400, {})]
    move(subscribed, 1, 2)

    assert deltas(receiver.wait_for(2)) == [1, 2]
    assert [row["status"] for row in subscribed.get("/_simulator/webhooks")["webhooks"]][:1] == ["refused"]


def test_a_paused_simulator_keeps_its_webhooks_and_delivers_in_any_order(subscribed: SimulatorHere, receiver: Receiver):
    subscribed.control("webhooks", {"is_paused": True})
    move(subscribed, 1, 2, 3)
    waiting = [row["id"] for row in subscribed.get("/_simulator/webhooks")["webhooks"]]

    subscribed.control("webhooks/deliver", {"ids": waiting[:0:-1]})
    assert deltas(receiver.wait_for(2)) == [3, 2]
    subscribed.control("webhooks", {"is_paused": False})
    assert deltas(receiver.wait_for(3)) == [3, 2, 1]


def test_a_subscription_begins_when_it_is_made(pms: SimulatorHere, receiver: Receiver):
    pms.create(product())
    pms.control("webhooks", {"url": receiver.url, "secret": "whsec_!"}, status=422)
    pms.control("webhooks", {"url": "ftp://x", "secret": SECRET}, status=422)
    pms.control("webhooks", {"url": receiver.url, "secret": SECRET})
    move(pms, 4)

    assert deltas(receiver.wait_for(1)) == [4]
