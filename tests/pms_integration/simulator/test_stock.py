"""Stock of the contract: levels, and adjustments that act once."""

import pytest

from tests.pms_integration.simulator.calling import SimulatorHere, adjustment, product


@pytest.fixture
def stocked(pms: SimulatorHere) -> SimulatorHere:
    """A-1 with 10 and B-1 with 5 at W1."""
    for sku, on_hand in (("A-1", 10), ("B-1", 5)):
        pms.create(product(sku), key=sku)
        pms.control("stock/count", {"sku": sku, "location": "W1", "on_hand": on_hand})
    return pms


def test_locations_are_listed(pms: SimulatorHere):
    assert pms.get("/locations") == {
        "locations": [{"id": "W1", "name": "First warehouse"}, {"id": "W2", "name": "Second warehouse"}]
    }


def test_an_adjustment_moves_the_level_and_is_acknowledged_with_its_figure(stocked: SimulatorHere):
    (result,) = stocked.adjust(adjustment("k1", delta=-3))

    (level,) = stocked.get("/stock", sku="A-1")["stock"]
    assert (level["on_hand"], level["version"]) == (7, 2)
    assert result == {
        "idempotency_key": "k1",
        "status": "applied",
        "code": None,
        "on_hand": 7,
        "version": 2,
        "occurred_at": level["updated_at"],
    }


def test_a_repeated_key_acts_once_and_answers_the_first_figure(stocked: SimulatorHere):
    first, again = stocked.adjust(adjustment("k1"), adjustment("k1"))
    stocked.control("stock/receive", {"sku": "A-1", "location": "W1", "quantity": 4})
    (later,) = stocked.adjust(adjustment("k1"))

    assert first["status"] == "applied"
    assert again == later == {**first, "status": "duplicate"}
    assert stocked.get("/stock", sku="A-1")["stock"][0]["on_hand"] == 13
    assert stocked.counters()["adjustments.duplicate"] == 2


def test_what_cannot_be_applied_is_rejected_alone_and_keeps_its_key(stocked: SimulatorHere):
    results = stocked.adjust(
        adjustment("k1", sku="no"), adjustment("k2", location="no"), adjustment("k3"), adjustment("k3", delta=9)
    )

    found = [(result["status"], result["code"], result["on_hand"]) for result in results]
    assert found == [
        ("rejected", "unknown_sku", None),
        ("rejected", "unknown_location", None),
        ("applied", None, 9),
        ("rejected", "idempotency_key_reused", None),
    ]
    assert [result["status"] for result in stocked.adjust(adjustment("k1"))] == ["applied"]


def test_stock_may_be_negative_and_a_level_opens_by_itself(stocked: SimulatorHere):
    (result,) = stocked.adjust(adjustment("k1", delta=-2, location="W2"))

    assert (result["on_hand"], result["version"]) == (-2, 1)


@pytest.mark.parametrize(
    "wrong", [{"delta": 0}, {"delta": 1.5}, {"delta": True}, {"idempotency_key": ""}, {"occurred_at": "now"}]
)
def test_a_malformed_adjustment_refuses_the_request(stocked: SimulatorHere, wrong):
    before = stocked.state()["movements"]

    stocked.post("/stock/adjustments", {"adjustments": [adjustment("k1"), adjustment("k2", **wrong)]}, status=422)

    assert stocked.state()["movements"] == before


def test_at_most_250_adjustments_come_at_once(stocked: SimulatorHere):
    adjustments = [adjustment(f"k{number}") for number in range(251)]

    stocked.post("/stock/adjustments", {"adjustments": adjustments}, status=422)

    assert len(stocked.adjust(*adjustments[:250])) == 250
    assert stocked.get("/stock", sku="A-1")["stock"][0]["on_hand"] == 10 - 250


def test_moments_order_the_changes_of_a_level(stocked: SimulatorHere):
    results = stocked.adjust(*(adjustment(f"k{number}") for number in range(100)))

    moments = [result["occurred_at"] for result in results]
    assert moments == sorted(set(moments))


def test_the_ledger_explains_every_figure(stocked: SimulatorHere):
    stocked.control("stock/sell", {"sku": "A-1", "location": "W1", "quantity": 2})
    stocked.control("stock/count", {"sku": "A-1", "location": "W1", "on_hand": 3})
    stocked.adjust(adjustment("k1"))

    moved = [move for move in stocked.state()["movements"] if move["sku"] == "A-1"]
    assert [(move["delta"], move["reason"], move["on_hand"]) for move in moved] == [
        *[(10, "count", 10), (-2, "sale", 8), (-5, "count", 3)],
        (-1, "sale", 2),
    ]
    assert (moved[-1]["reference"], moved[-1]["idempotency_key"]) == ("order 7", "k1")


def test_stock_is_listed_by_sku_and_since_a_moment(stocked: SimulatorHere):
    every = stocked.every("/stock", limit=1)
    changed = stocked.adjust(adjustment("k1"))[0]["occurred_at"]

    assert [(row["sku"], row["on_hand"]) for row in every] == [("A-1", 10), ("B-1", 5)]
    assert [row["sku"] for row in stocked.every("/stock", sku=["B-1", "A-1", "no"])] == ["A-1", "B-1"]
    assert [row["sku"] for row in stocked.every("/stock", updated_since=changed)] == ["A-1"]


def test_at_most_50_skus_are_asked_for_at_once(stocked: SimulatorHere):
    assert stocked.get("/stock", sku=["A-1"] * 50)["stock"] != []
    stocked.get("/stock", sku=["A-1"] * 51, status=400)
