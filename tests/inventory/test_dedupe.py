"""Adjustments that act once under their natural key: (level, reference, reason)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from inventory import services
from inventory.models import StockLevel, StockMovement
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/inventory/adjustments/"
BULK = "/api/v1/inventory/adjustments/bulk/"
SALE = {"sku": "A-1", "location": "main", "delta": -3, "reason": "sale", "reference": "order-1", "dedupe": True}
THREADS = 8


@pytest.fixture(autouse=True)
def _ten_lamps() -> None:
    make_location("main")
    make_location("east")
    make_product("A-1")
    make_product("B-1")
    set_stock("A-1", "main", 10)


def adjust(api: Any, **values: Any) -> Any:
    return api.post(URL, SALE | values)


def state() -> tuple[Any, ...]:
    return (
        list(StockLevel.objects.order_by("id").values_list("on_hand", "version")),
        StockMovement.objects.count(),
        Event.objects.count(),
    )


def test_a_repetition_changes_nothing_and_returns_the_first_movement_and_the_present_level(api) -> None:
    first = adjust(api)
    services.adjust_stock(sku="A-1", location="main", delta=5, reason="receipt")
    before = state()

    again = adjust(api, sku="a-1", note="sent twice")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["movement"] == first.json()["movement"]
    assert again.json()["level"]["on_hand"] == 12
    assert state() == before
    assert find_mismatches() == []


@pytest.mark.parametrize(
    "values",
    [{"reference": "order-2"}, {"reason": "correction"}, {"location": "east", "delta": 2, "reason": "return"}],
)
def test_another_reference_reason_or_level_is_another_change(api, values: dict[str, Any]) -> None:
    adjust(api)

    assert adjust(api, **values).status_code == 201


def test_another_delta_under_the_same_key_is_a_conflict_and_changes_nothing(api) -> None:
    adjust(api)
    before = state()

    response = adjust(api, delta=-4)

    assert (response.status_code, response.json()["code"]) == (409, "dedupe_conflict")
    assert response.json()["errors"][0]["pointer"] == "/reference"
    assert state() == before


def test_a_movement_without_dedupe_counts_as_well(api) -> None:
    adjust(api, dedupe=False)
    before = state()

    assert adjust(api).status_code == 200
    assert state() == before


def test_without_dedupe_each_change_acts(api) -> None:
    adjust(api)

    assert adjust(api, dedupe=False).status_code == 201
    assert StockLevel.objects.get().on_hand == 4


@pytest.mark.parametrize("values", [{"expected_version": 1}, {"delta": -10, "reference": "order-9"}])
def test_a_repetition_that_would_be_refused_now_returns_the_first_movement(api, values: dict[str, Any]) -> None:
    assert adjust(api, **values).status_code == 201

    assert adjust(api, **values).status_code == 200


def test_a_refused_change_has_not_acted(api) -> None:
    assert adjust(api, delta=-11).status_code == 409
    services.adjust_stock(sku="A-1", location="main", delta=5, reason="receipt")

    assert adjust(api, delta=-11).status_code == 201


@pytest.mark.parametrize("url", [URL, BULK])
def test_dedupe_without_a_reference_is_refused(api, url: str) -> None:
    before = state()
    body = SALE | {"reference": " "}

    response = api.post(url, body if url == URL else {"adjustments": [body], "atomic": True})

    assert response.status_code == 422
    error = response.json()["errors"][0]
    assert (error["pointer"].removeprefix("/0"), error["code"]) == ("/reference", "reference_required")
    assert state() == before


def test_a_level_created_for_it_has_its_natural_key(api) -> None:
    receipt = {"sku": "B-1", "delta": 4, "reason": "receipt"}

    assert [adjust(api, **receipt).status_code for _ in range(2)] == [201, 200]


def test_it_takes_one_statement(django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        services.adjust_stock(**SALE)


def test_a_bulk_reports_a_repetition_as_unchanged(api) -> None:
    adjust(api)
    before = state()

    rows = [SALE, SALE | {"delta": -4}, SALE | {"sku": "nobody's"}]
    answer = api.post(BULK, {"adjustments": rows}).json()

    assert [result["status"] for result in answer["results"]] == ["unchanged", "rejected", "rejected"]
    assert answer["results"][1]["errors"][0]["code"] == "dedupe_conflict"
    assert state() == before


def test_twice_within_one_bulk_it_acts_once(api) -> None:
    unasked = SALE | {"dedupe": False, "reference": "order-2"}
    rows = [SALE, SALE, unasked, unasked, unasked | {"dedupe": True}]

    answer = api.post(BULK, {"adjustments": rows}).json()

    statuses = [result["status"] for result in answer["results"]]
    assert statuses == ["applied", "unchanged", "applied", "applied", "unchanged"]
    assert StockLevel.objects.get().on_hand == 1
    assert find_mismatches() == []


@pytest.fixture
def send() -> Callable[..., Any]:
    """Posts as one client, by a connection of the thread's own."""
    key = create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    return lambda url, body: JSONClient().post(url, body, headers={"X-Api-Key": key})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bulks", [0, THREADS // 2, THREADS])
def test_of_twins_at_the_same_moment_exactly_one_acts(send: Callable[..., Any], bulks: int) -> None:
    calls = [partial(send, URL, SALE)] * (THREADS - bulks) + [partial(send, BULK, {"adjustments": [SALE]})] * bulks

    answers = at_once(calls)

    assert {answer.status_code for answer in answers} <= {200, 201}
    bodies = [answer.json() for answer in answers]
    acted = [
        answer.status_code == 201 or "applied" in body.get("summary", ())
        for answer, body in zip(answers, bodies, strict=True)
    ]
    assert sum(acted) == 1
    assert StockLevel.objects.get().on_hand == 7
    assert StockMovement.objects.filter(is_deduplicated=True).count() == 1
    assert find_mismatches() == []


@pytest.mark.django_db(transaction=True)
def test_a_twin_without_dedupe_is_seen_by_those_with_it(send: Callable[..., Any]) -> None:
    unasked = [partial(send, URL, SALE | {"dedupe": False})]

    answers = at_once(unasked + [partial(send, URL, SALE)] * (THREADS - 1))

    asked = [answer.status_code for answer in answers[1:]]
    # First of all or after one of the others: nobody who asks for it acts beside what has acted.
    first = StockMovement.objects.filter(reason="sale").order_by("level_version").first()
    assert answers[0].status_code == 201
    assert asked.count(201) == (1 if first is not None and first.is_deduplicated else 0)
    assert set(asked) <= {200, 201}
    assert find_mismatches() == []
