"""Each fault happens as it is said, with or without the effect of the request, and the same for the same seed."""

import json
import time
from collections.abc import Callable

import httpx
import pytest

from pms_integration.simulator.faults import REQUEST_FAULTS, FaultSettings, parse_faults
from tests.pms_integration.simulator.calling import SimulatorHere, adjustment, product

MANY = dict.fromkeys(REQUEST_FAULTS, 0.1) | {"timeout_seconds": 0.0, "retry_after_seconds": 0}


@pytest.fixture
def stocked(pms: SimulatorHere) -> SimulatorHere:
    pms.create(product())
    pms.control("stock/count", {"sku": "A-1", "location": "W1", "on_hand": 10})
    return pms


def sell(pms: SimulatorHere) -> httpx.Response:
    return pms.http.post("/stock/adjustments", json={"adjustments": [adjustment("k1")]})


def on_hand(pms: SimulatorHere) -> int:
    (level,) = [row for row in pms.state()["stock"] if row["sku"] == "A-1"]
    return int(level["on_hand"])


def wait_for(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.mark.parametrize(("status", "retry_after"), [("500", None), ("429", "7"), ("503", "7")])
def test_a_status_comes_without_an_effect(stocked: SimulatorHere, status, retry_after):
    stocked.set_faults({status: 1, "retry_after_seconds": 7})

    response = sell(stocked)

    assert (str(response.status_code), response.headers.get("Retry-After")) == (status, retry_after)
    assert on_hand(stocked) == 10
    assert stocked.counters()[f"faults.{status}"] == 1


@pytest.mark.parametrize(("fault", "left"), [("timeout_before", 10), ("timeout_after", 9)])
def test_a_timeout_comes_before_or_after_the_effect(stocked: SimulatorHere, fault, left):
    stocked.set_faults({fault: 1}, times=2)

    with pytest.raises(httpx.ReadTimeout):
        stocked.http.post("/stock/adjustments", json={"adjustments": [adjustment("k1")]}, timeout=0.5)
    wait_for(lambda: on_hand(stocked) == left)  # the client leaves at any moment of the request
    stocked.set_faults({fault: 1, "timeout_seconds": 0}, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        sell(stocked)
    assert sell(stocked).json()["results"][0]["status"] == ("applied" if left == 10 else "duplicate")


def test_half_an_answer_comes_after_the_effect(stocked: SimulatorHere):
    stocked.set_faults({"half_answer": 1})

    with (
        pytest.raises(httpx.RemoteProtocolError),
        stocked.http.stream("POST", "/stock/adjustments", json={"adjustments": [adjustment("k1")]}) as response,
    ):
        assert response.status_code == 200
        response.read()

    assert on_hand(stocked) == 9


def test_wrong_json_comes_after_the_effect_in_every_shape(stocked: SimulatorHere):
    stocked.set_faults({"wrong_json": 1})

    bodies = [sell(stocked).text for _ in range(20)]

    assert on_hand(stocked) == 9
    assert {body[0] for body in bodies} == {"<", "[", "{"}
    for body in bodies:
        with pytest.raises((ValueError, TypeError)):
            json.loads(body)["results"]


def test_a_listing_ends_early_as_if_it_were_complete(start):
    pms: SimulatorHere = start(products=10)
    pms.set_faults({"truncated_listing": 1})

    page = pms.get("/products", limit=6)
    one = pms.get(f"/products/{page['products'][0]['id']}")

    assert ([row["id"] for row in page["products"]], page["next"]) == (["p-0000001", "p-0000002", "p-0000003"], None)
    assert pms.get("/stock", limit=200)["next"] is None
    assert one["name"]  # which is no listing
    assert pms.counters()["faults.truncated_listing"] == 2


def test_faults_are_limited_to_some_requests_and_times(stocked: SimulatorHere):
    stocked.set_faults({"500": 1}, only="POST /stock/adj", times=2)

    assert stocked.http.get("/stock").status_code == 200
    assert [sell(stocked).status_code for _ in range(4)] == [500, 500, 200, 200]


def outcomes(pms: SimulatorHere, number: int = 80) -> list[str]:
    found = []
    for _ in range(number):
        try:
            response = pms.http.get("/products")
            found.append(f"{response.status_code} {response.text[:60]}")
        except httpx.RemoteProtocolError as error:
            found.append(str(error).split("(")[0])
    return found


def test_the_same_seed_fails_the_same_way(start):
    one, same, other = (start(faults=MANY, seed=seed) for seed in ("1", "1", "2"))

    first = outcomes(one)

    assert outcomes(same) == first
    assert outcomes(other) != first
    counted = {name: one.counters().get(f"faults.{name}", 0) for name in REQUEST_FAULTS}
    assert all(counted.values()), counted
    one.control("faults", {"faults": MANY, "seed": "1"})
    assert outcomes(one) == first


def test_the_probability_of_one_fault_does_not_change_when_another_happens(start):
    alone, beside = start(faults={"500": 0.3}, seed="5"), start(faults={"500": 0.3, "503": 0.3}, seed="5")

    alone_failed, beside_failed = ([text[:3] == "500" for text in outcomes(pms)] for pms in (alone, beside))

    assert alone_failed == beside_failed
    assert 10 < sum(alone_failed) < 40


def test_without_faults_nothing_fails(pms: SimulatorHere):
    assert {text[:3] for text in outcomes(pms)} == {"200"}


@pytest.mark.parametrize("wrong", ["600=0.1", "500", "500=2", "500=x", "429=-1", "late_seconds=1e9", "500=nan"])
def test_wrong_settings_are_refused(pms: SimulatorHere, wrong):
    with pytest.raises(ValueError):
        FaultSettings(parse_faults(wrong))
    assert pms.control("faults", {"faults": {"600": 0.1}}, status=422)["code"] == "invalid"
