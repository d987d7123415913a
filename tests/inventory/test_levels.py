"""Levels, movements and locations as the API shows them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory import services
from inventory.models import StockLevel
from pms_backend.events.models import Event
from tests.factories import make_location, make_product, set_stock

pytestmark = pytest.mark.django_db

BASE = "/api/v1/inventory"


@pytest.fixture(autouse=True)
def _two_places() -> None:
    make_location("main", priority=1)
    make_location("east", priority=2)
    make_product("A-1")


def test_the_levels_of_a_sku_come_with_their_totals(api) -> None:
    set_stock("A-1", "main", 3)
    set_stock("A-1", "east", 4)

    answer = api.get(f"{BASE}/levels/a-1/").json()

    assert answer["sku"] == "A-1"
    assert [(level["location"], level["on_hand"]) for level in answer["levels"]] == [("east", 4), ("main", 3)]
    assert answer["totals"] == {"on_hand": 7, "reserved": 0, "incoming": 0, "available": 7}
    members = {
        "sku", "location", "on_hand", "reserved", "incoming", "available", "version", "reorder_point",
        "backorder_limit", "is_oversold", "updated_at",
    }  # fmt: skip
    assert set(answer["levels"][0]) == members


def test_a_known_sku_without_levels_is_zeros_and_an_unknown_one_is_404(api) -> None:
    answer = api.get(f"{BASE}/levels/A-1/").json()
    assert (answer["levels"], answer["totals"]["on_hand"]) == ([], 0)

    assert api.get(f"{BASE}/levels/B-1/").status_code == 404
    assert api.get(f"{BASE}/levels/A%00/").status_code == 404


@pytest.mark.parametrize(
    ("sku", "path"), [("A/B", "A%2FB"), ("A B", "A%20B"), ("Ä-1", "%C3%A4-1"), ("a/main", "A%2Fmain")]
)
def test_a_sku_is_percent_encoded_in_a_path(api, sku: str, path: str) -> None:
    make_product(sku)
    set_stock(sku, "main", 2)

    assert api.get(f"{BASE}/levels/{path}/").json()["totals"]["on_hand"] == 2
    answer = api.patch(f"{BASE}/levels/{path}/main/", {"reorder_point": 1})
    assert (answer.status_code, answer.json()["sku"]) == (200, sku)


def test_limits_are_a_change_of_the_level_without_a_movement(api) -> None:
    set_stock("A-1", "main", 3)

    answer = api.patch(f"{BASE}/levels/A-1/main/", {"reorder_point": 5, "backorder_limit": 2}).json()

    assert (answer["reorder_point"], answer["backorder_limit"], answer["version"]) == (5, 2, 2)
    announced, low = Event.objects.order_by("id")[Event.objects.count() - 2 :]
    assert (announced.type, announced.data["movement"]) == ("stock.changed", None)
    assert announced.data["level"]["version"] == 2
    assert (low.type, low.data) == ("stock.low", announced.data)

    before = Event.objects.count()
    assert api.patch(f"{BASE}/levels/A-1/main/", {"reorder_point": 5}).json()["version"] == 2
    assert Event.objects.count() == before


def test_a_backorder_limit_below_what_is_in_use_is_a_conflict(api) -> None:
    set_stock("A-1", "main", 0)
    api.patch(f"{BASE}/levels/A-1/main/", {"backorder_limit": 3})
    services.adjust_stock(sku="A-1", location="main", delta=-2, reason="sale")

    refused = api.patch(f"{BASE}/levels/A-1/main/", {"backorder_limit": 1})

    assert (refused.status_code, refused.json()["code"]) == (409, "limit_in_use")
    assert StockLevel.objects.get().backorder_limit == 3
    assert api.patch(f"{BASE}/levels/A-1/main/", {"backorder_limit": 2}).status_code == 200


def test_levels_and_movements_are_filtered_and_cost_the_same_however_many_there_are(api) -> None:
    for number in range(2, 40):
        make_product(f"A-{number}")
        set_stock(f"A-{number}", "main", number)
    set_stock("A-1", "east", 1)
    services.update_level(sku="A-2", location="main", values={"reorder_point": 2})

    def skus(query: str) -> list[str]:
        return [level["sku"] for level in api.get(f"{BASE}/levels/?{query}").json()["results"]]

    assert skus("location=east") == ["A-1"]
    assert skus("sku=a-7") == ["A-7"]
    assert skus("below_reorder_point=true") == ["A-2"]
    assert len(skus("below_reorder_point=false&page_size=200")) == 38
    assert [m["delta"] for m in api.get(f"{BASE}/movements/?sku=A-7").json()["results"]] == [7]
    assert api.get(f"{BASE}/movements/?reason=sale").json()["results"] == []
    for path in ("levels", "movements"):
        costs = []
        for size in (2, 30):
            api.get(f"{BASE}/levels/")  # caches the API key, whose lookup is not counted
            with CaptureQueriesContext(connection) as captured:
                assert len(api.get(f"{BASE}/{path}/?page_size={size}").json()["results"]) == size
            costs.append(len(captured))
        assert costs == [1, 1]


def test_a_location_is_opened_changed_and_not_closed_while_it_holds_stock(api) -> None:
    created = api.post(f"{BASE}/locations/", {"code": "west", "name": "West"})
    assert (created.status_code, created.json()["is_active"]) == (201, True)
    assert api.post(f"{BASE}/locations/", {"code": "west", "name": "West"}).status_code in (409, 422)
    set_stock("A-1", "west", 1)

    refused = api.patch(f"{BASE}/locations/west/", {"is_active": False})

    assert (refused.status_code, refused.json()["code"]) == (409, "location_holds_stock")
    set_stock("A-1", "west", 0)
    closed = api.patch(f"{BASE}/locations/west/", {"is_active": False})
    assert closed.json()["is_active"] is False
    announced = Event.objects.filter(subject="location:west").order_by("id")
    assert [event.data["location"]["is_active"] for event in announced] == [True, False]


@pytest.mark.parametrize("code", ["", "a b", "a/b", "-a", "x" * 51, "é"])
def test_a_code_is_what_fits_into_a_path(api, code: str) -> None:
    assert api.post(f"{BASE}/locations/", {"code": code, "name": "X"}).status_code == 422
