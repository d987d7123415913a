"""Bulk adjustments: row by row or all or nothing, in a constant number of statements."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory import services
from inventory.models import StockLevel, StockMovement
from inventory.services.bulk import MAX_BULK_ROWS
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/inventory/adjustments/bulk/"


@pytest.fixture(autouse=True)
def _ten_lamps() -> None:
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", 10)


def row(delta: int, sku: str = "A-1", **more):
    return {"sku": sku, "location": "main", "delta": delta, "reason": "sale" if delta < 0 else "receipt", **more}


def test_rows_apply_in_their_order_each_upon_the_result_of_the_one_before(api) -> None:
    answer = api.post(URL, {"adjustments": [row(-8), row(-5), row(4), row(-5)]}).json()

    assert [result["status"] for result in answer["results"]] == ["applied", "rejected", "applied", "applied"]
    assert answer["results"][1]["errors"][0]["code"] == "insufficient_stock"
    assert answer["summary"] == {"applied": 3, "rejected": 1}
    movements = StockMovement.objects.filter(reason__in=["sale", "receipt"]).order_by("level_version")
    assert list(movements.values_list("delta", "on_hand_after", "level_version")) == [(-8, 2, 2), (4, 6, 3), (-5, 1, 4)]
    events = Event.objects.filter(type="stock.changed").order_by("id")
    assert [event.data["level"]["on_hand"] for event in events] == [10, 2, 6, 1]
    assert find_mismatches() == []


def test_all_or_nothing_with_a_conflict_is_409_and_nothing(api) -> None:
    before = (StockMovement.objects.count(), Event.objects.count())

    response = api.post(URL, {"adjustments": [row(-8), row(-5)], "atomic": True})

    assert response.status_code == 409
    assert response.json()["errors"][0]["pointer"] == "/1/delta"
    assert StockLevel.objects.get().on_hand == 10
    assert (StockMovement.objects.count(), Event.objects.count()) == before


def test_all_or_nothing_with_a_row_that_is_not_valid_is_422_before_any_conflict(api) -> None:
    rows = [row(-8), row(-5), {"sku": "A-1"}]

    response = api.post(URL, {"adjustments": rows, "atomic": True})

    assert response.status_code == 422
    assert StockLevel.objects.get().on_hand == 10


def test_more_rows_than_the_limit_are_refused(api) -> None:
    response = api.post(URL, {"adjustments": [row(1)] * (MAX_BULK_ROWS + 1)})

    assert response.status_code == 422
    assert StockLevel.objects.get().on_hand == 10


def test_the_number_of_statements_does_not_grow_with_the_rows() -> None:
    skus = [f"B-{number}" for number in range(200)]
    for sku in skus:
        make_product(sku)

    def statements(count: int) -> int:
        rows = [
            services.Adjustment(index=index, sku=sku, location="main", delta=1, reason="receipt")
            for index, sku in enumerate(skus[:count])
        ]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            services.adjust_stock_in_bulk(rows=rows)
        return len(captured)

    few = statements(2)
    many = statements(200)

    assert few == many == 6
