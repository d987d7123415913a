"""Counts: absolute, compare-and-set, and silent where they find what was known."""

import pytest

from inventory.models import StockLevel, StockMovement
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/inventory/counts/"


@pytest.fixture(autouse=True)
def _a_lamp_and_a_place() -> None:
    make_location("main")
    make_product("A-1")


def count(api, on_hand: int, **more):
    return api.post(URL, {"sku": "A-1", "location": "main", "on_hand": on_hand, **more})


def test_a_count_makes_the_level_and_writes_the_difference(api) -> None:
    first, second = count(api, 10), count(api, 7, note="Shelf 4")

    assert (first.status_code, second.status_code) == (201, 201)
    movement = second.json()["movement"]
    assert [movement[name] for name in ("reason", "delta", "on_hand_after", "note")] == ["count", -3, 7, "Shelf 4"]
    assert second.json()["level"]["version"] == 2
    assert Event.objects.latest("id").data == second.json()


def test_a_count_of_the_known_number_is_200_without_movement_or_event(api) -> None:
    count(api, 10)
    before = (StockMovement.objects.count(), Event.objects.count())

    response = count(api, 10)

    assert (response.status_code, response.json()["movement"]) == (200, None)
    assert response.json()["level"]["version"] == 1
    assert (StockMovement.objects.count(), Event.objects.count()) == before


def test_nothing_counted_where_nothing_was_makes_an_empty_level(api) -> None:
    response = count(api, 0)

    assert (response.status_code, response.json()["level"]["on_hand"]) == (200, 0)
    assert StockLevel.objects.count() == 1


def test_a_count_on_another_expectation_is_a_conflict_and_changes_nothing(api) -> None:
    count(api, 10)

    response = count(api, 8, expected_on_hand=9)

    assert (response.status_code, response.json()["code"]) == (409, "version_conflict")
    assert StockLevel.objects.get().on_hand == 10
    assert count(api, 8, expected_on_hand=10).status_code == 201


@pytest.mark.parametrize("on_hand", [-1, 1_000_000_001, "many", None, 1.5])
def test_a_count_out_of_bounds_is_422(api, on_hand) -> None:
    assert count(api, on_hand).status_code == 422
    assert not StockLevel.objects.exists()


def test_a_bulk_of_counts_has_an_outcome_for_each_row(api) -> None:
    make_product("A-2")
    set_stock("A-2", "main", 5)
    rows = [
        {"sku": "A-1", "location": "main", "on_hand": 3},
        {"sku": "a-2", "location": "main", "on_hand": 5},
        {"sku": "nope", "location": "main", "on_hand": 5},
        {"sku": "A-2", "location": "main", "on_hand": -5},
        {"sku": "A-1", "location": "main", "on_hand": 4},
    ]

    answer = api.post(f"{URL}bulk/", {"counts": rows}).json()

    assert [row["status"] for row in answer["results"]] == ["applied", "unchanged", "rejected", "rejected", "applied"]
    assert [row["index"] for row in answer["results"]] == [0, 1, 2, 3, 4]
    assert answer["results"][2]["errors"][0]["code"] == "unknown_sku"
    assert answer["results"][3]["errors"][0]["pointer"] == "/on_hand"
    assert answer["summary"] == {"applied": 2, "unchanged": 1, "rejected": 2}
    levels = StockLevel.objects.order_by("variant__sku").values_list("variant__sku", "on_hand", "version")
    assert list(levels) == [("A-1", 4, 2), ("A-2", 5, 1)]
    assert find_mismatches() == []
