"""The demo's day, planned: what happens adds up, and is delivered late, twice, but never not."""

from collections import Counter
from datetime import UTC, datetime
from itertools import chain

import pytest

from pms_backend.standalone.demo.plan import MOST_LATE, MOST_SKUS, Change, Figure, closing_stock, plan_day
from pms_backend.standalone.demo.verification import compare
from pms_backend.standalone.demo.watching import StockView

OPENING = {f"SKU-{number:03}": number % 7 for number in range(100)}
SEEDS = [f"seed-{number}" for number in range(10)]


def level(version: int, on_hand: int, sku: str = "A-1") -> dict:
    return {"sku": sku, "location": "main", "version": version, "on_hand": on_hand}


def test_the_same_seed_plans_the_same_day():
    assert plan_day(OPENING, 200, "one") == plan_day(dict(reversed(OPENING.items())), 200, "one")
    assert plan_day(OPENING, 200, "one") != plan_day(OPENING, 200, "two")


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_sold_that_is_not_there(seed):
    stock = dict(OPENING)

    for fact in plan_day(OPENING, 500, seed).facts:
        stock[fact.sku] = fact.on_hand if isinstance(fact, Figure) else stock[fact.sku] + fact.delta
        assert stock[fact.sku] >= 0


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fact_is_delivered_at_its_tick_or_a_few_later_and_some_twice(seed):
    day = plan_day(OPENING, 500, seed)

    times = Counter(chain.from_iterable(day.deliveries))
    lateness = [tick - index for tick, due in enumerate(day.deliveries) for index in due]

    assert set(times) == set(range(500))
    assert set(times.values()) == {1, 2}
    assert 505 <= day.delivery_count == times.total() <= 550
    assert min(lateness) == 0
    assert 0 < max(lateness) <= 2 * MOST_LATE


def test_a_day_has_all_kinds_of_facts_about_some_of_the_skus():
    facts = plan_day(OPENING, 600, "kinds").facts

    changes = [fact for fact in facts if isinstance(fact, Change)]
    assert {change.reason for change in changes} == {"sale", "receipt", "return", "correction"}
    assert all((change.delta < 0) == (change.reason == "sale") for change in changes if change.reason != "correction")
    assert 0 < len(facts) - len(changes) < 150
    assert len({fact.sku for fact in facts}) <= MOST_SKUS


def test_a_day_can_be_lived_with_a_single_sku_that_is_sold_out():
    day = plan_day({"A-1": 0}, 1, "alone")

    assert len(day.facts) == 1
    assert day.delivery_count in (1, 2)


def test_the_closing_stock_is_the_last_figure_and_what_came_after_it():
    facts = [
        Change("A-1", -3, "sale", ""),
        Figure("A-1", 5),
        Change("B-1", 10, "receipt", ""),
        Change("A-1", -1, "sale", ""),
        Change("A-1", 2, "return", ""),
    ]

    assert closing_stock({"A-1": 20, "B-1": -4, "C-1": 9}, facts) == {"A-1": 6, "B-1": 6}


def test_a_message_says_what_happened_and_when():
    moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

    assert Change("A-1", -2, "sale", "order 7").message(moment) == {
        "type": "inventory.adjusted",
        "timestamp": "2026-03-01T09:30:00+00:00",
        "data": {
            "sku": "A-1",
            "location": "main",
            "occurred_at": "2026-03-01T09:30:00+00:00",
            "delta": -2,
            "reason": "sale",
            "reference": "order 7",
        },
    }
    assert Figure("A-1", 4).message(moment)["data"]["on_hand"] == 4


def test_the_view_keeps_the_newest_version_of_a_level_in_whatever_order_it_comes():
    view = StockView()

    view.take({"type": "snapshot", "sequence": 7, "levels": [level(3, 10), level(1, 4, "B-1")]})
    view.take({"type": "stock.changed", "sequence": 9, "level": level(5, 8)})
    view.take({"type": "stock.changed", "sequence": 8, "level": level(4, 11)})
    view.take({"type": "heartbeat", "sequence": 12})

    assert view.levels["A-1", "main"] == level(5, 8)
    assert (view.version(("A-1", "main")), view.version(("B-1", "main")), view.version(("C-1", "main"))) == (5, 1, 0)
    assert (view.pushed, view.sequence) == (2, 12)
    assert [(seen.sku, seen.on_hand, seen.delta) for seen in view.recent.values()] == [("A-1", 8, -2)]


def test_what_agrees_is_no_difference():
    assert compare(level(2, 7), [{"delta": 3}, {"delta": 4}], level(2, 7), expected=7) == []
    assert compare(level(2, 7), [{"delta": 7}], level(2, 7), expected=None) == []


@pytest.mark.parametrize(
    ("ledger", "told", "expected", "difference"),
    [
        ([6], level(2, 7), 7, "its movements add up to 6"),
        ([7], None, 7, "the socket has never told of it"),
        ([7], level(1, 7), 7, "the socket's last is 7 in version 1"),
        ([7], level(2, 6), 7, "the socket's last is 6 in version 2"),
        ([7], level(2, 7), 8, "the PMS has 8"),
    ],
)
def test_what_does_not_agree_is_named(ledger, told, expected, difference):
    found = compare(level(2, 7), [{"delta": delta} for delta in ledger], told, expected=expected)

    assert len(found) == 1
    assert difference in found[0]
