"""The demo's day: what it plans adds up, and whatever does not agree in the end is named."""

import asyncio
import time
from collections import Counter

import httpx
import pytest
from rich.console import Console

from pms_backend.standalone import demo
from pms_backend.standalone.demo import MOST_LATE_TICKS, MOST_SKUS, Demo, find_differences, plan_day
from pms_backend.standalone.exceptions import StartupError

OPENING = {f"SKU-{number:03}": number % 7 - 1 for number in range(100)}
SEEDS = [f"seed-{number}" for number in range(5)]
QUICKSTART = {"base_url": "http://stack.test", "ws_url": "ws://stack.test", "api_key": "key", "pms": {}}


def test_the_same_seed_plans_the_same_day():
    assert plan_day(OPENING, 200, "one") == plan_day(dict(reversed(OPENING.items())), 200, "one")
    assert plan_day(OPENING, 200, "one") != plan_day(OPENING, 200, "two")


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_sold_that_is_not_there_and_the_events_add_up_to_the_closing_stock(seed):
    day, stock = plan_day(OPENING, 500, seed), dict(OPENING)

    for event in day.events:
        assert event.get("reason") != "sale" or 0 < -event["delta"] <= stock[event["sku"]]
        stock[event["sku"]] = event.get("on_hand", stock[event["sku"]] + event.get("delta", 0))

    assert day.closing == {sku: stock[sku] for sku in day.closing}
    assert {event["sku"] for event in day.events} == set(day.closing)
    assert len(day.closing) <= MOST_SKUS
    assert {event.get("reason") for event in day.events} == {"sale", "receipt", "return", "correction", None}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_sent_at_its_tick_or_a_few_later_and_some_twice(seed):
    webhooks = plan_day(OPENING, 500, seed).webhooks

    times = Counter(index for _, index in webhooks)
    lateness = [tick - index for tick, index in webhooks]

    assert set(times) == set(range(500))
    assert set(times.values()) == {1, 2}
    assert webhooks == sorted(webhooks)
    assert [index for _, index in webhooks] != sorted(index for _, index in webhooks)
    assert (min(lateness), max(lateness) <= 2 * MOST_LATE_TICKS) == (0, True)


def test_the_newest_version_of_a_level_counts_in_whatever_order_it_comes():
    watching = Demo(QUICKSTART, Console())

    def level(version: int, on_hand: int, sku: str = "A-1") -> dict:
        return {"sku": sku, "version": version, "on_hand": on_hand}

    watching.update({"type": "snapshot", "levels": [level(3, 10), level(1, 4, "B-1")]})
    watching.update({"type": "stock.changed", "level": level(5, 8)})
    watching.update({"type": "stock.changed", "level": level(4, 11)})
    watching.update({"type": "heartbeat"})

    assert watching.pushed == {"A-1": (8, 5), "B-1": (4, 1)}
    assert list(watching.changes) == [("A-1", "10 → 8")]
    assert watching.change_count == 2


@pytest.mark.parametrize(
    ("shown", "pushed", "differs"),
    [
        ((7, 2), {"A-1": (7, 2)}, False),
        ((8, 2), {"A-1": (8, 2)}, True),
        ((7, 2), {}, True),
        ((7, 2), {"A-1": (7, 1)}, True),
        ((7, 2), {"A-1": (6, 2)}, True),
        ((7, 2), {"A-1": (7, 3)}, True),
    ],
)
def test_the_pms_the_api_and_the_websocket_must_agree(shown, pushed, differs):
    assert bool(find_differences({"A-1": 7}, {"A-1": shown}, pushed)) == differs


def ask(*answers: httpx.Response | Exception) -> tuple[object, float]:
    """Asks a server that gives these answers in turn; returns the last one's JSON, and how many seconds it took."""
    left = list(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(left[0], Exception):
            raise left.pop(0)
        return left.pop(0)

    async def request() -> object:
        asking = Demo(QUICKSTART, Console())
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as asking.http:
            return await asking.request("GET", "http://stack.test/", {})

    began = time.monotonic()
    result = asyncio.run(request())
    assert left == []
    return result, time.monotonic() - began


@pytest.mark.parametrize("status", [429, 503])
def test_a_request_that_has_to_wait_is_repeated_when_it_may(status):
    answer, seconds = ask(httpx.Response(status, headers={"Retry-After": "0.2"}), httpx.Response(202, json=[1]))

    assert answer == [1]
    assert seconds >= 0.2


def test_a_request_that_breaks_off_is_repeated(monkeypatch):
    monkeypatch.setattr(demo, "PAUSE_SECONDS", 0.01)

    assert ask(httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.Response(200, json={}))[0] == {}


def test_a_refused_request_ends_the_day():
    with pytest.raises(StartupError, match="answered 401"):
        ask(httpx.Response(401))


def test_a_server_that_is_always_busy_ends_the_day(monkeypatch):
    monkeypatch.setattr(demo, "REQUEST_TRIES", 3)

    with pytest.raises(StartupError, match="not answered in 3 tries"):
        ask(*[httpx.Response(429, headers={"Retry-After": "0"})] * 3)
