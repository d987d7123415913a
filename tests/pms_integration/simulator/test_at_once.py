"""Requests that come at once: a key acts once, and one of those that change the same version wins."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.pms_integration.simulator.calling import SimulatorHere, adjustment, product

THREADS = 8


def at_once(call: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, range(THREADS)))


def test_a_key_creates_one_product(pms: SimulatorHere):
    made = at_once(lambda _: pms.create(product(), key="same"))

    assert pms.every("/products") == made[:1]
    assert made == made[:1] * THREADS


def test_a_key_adjusts_once(pms: SimulatorHere):
    pms.create(product())

    results = at_once(lambda _: pms.adjust(adjustment("same"))[0])

    assert Counter(result["status"] for result in results) == {"applied": 1, "duplicate": THREADS - 1}
    assert {(result["on_hand"], result["version"]) for result in results} == {(-1, 1)}


def test_one_of_those_that_replace_a_version_wins(pms: SimulatorHere):
    made = pms.create(product())

    def replace(number: int) -> int:
        headers = {"If-Match": '"1"', "Idempotency-Key": f"k{number}"}
        return pms.http.put(f"/products/{made['id']}", json=product(), headers=headers).status_code

    assert Counter(at_once(replace)) == {200: 1, 412: THREADS - 1}
    assert pms.get(f"/products/{made['id']}")["version"] == 2


def test_no_change_of_a_level_is_lost(pms: SimulatorHere):
    pms.create(product())

    at_once(lambda number: pms.adjust(*(adjustment(f"{number}-{index}") for index in range(20))))

    assert pms.get("/stock")["stock"][0]["on_hand"] == -20 * THREADS
    movements = pms.state()["movements"]
    assert [move["version"] for move in movements] == list(range(1, 20 * THREADS + 1))
    moments = [move["occurred_at"] for move in movements]
    assert moments == sorted(set(moments))
