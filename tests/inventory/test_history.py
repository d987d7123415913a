"""What was on hand at a moment of the past, by what is known now."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from inventory import services
from inventory.models import StockLevel, StockMovement
from tests.factories import make_location, make_product, report_stock, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def url(sku: str = "A-1") -> str:
    return f"/api/v1/inventory/levels/{sku}/"


@pytest.fixture(autouse=True)
def _lamps() -> None:
    for code in ("main", "east"):
        make_location(code)
    make_product("A-1")
    make_product("A/B")
    set_stock("A-1", "main", 10)


def moment_of(movement: dict[str, Any] | None) -> str:
    assert movement is not None
    return str(movement["occurred_at"])


def adjust(delta: int, location: str = "main") -> str:
    """The moment of the change."""
    reason = "sale" if delta < 0 else "receipt"
    change = services.adjust_stock(sku="A-1", location=location, delta=delta, reason=reason)
    return moment_of(change.movement)


def then(api: Any, at: str, sku: str = "A-1") -> tuple[dict[str, int], int]:
    response = api.get(url(sku), {"at": at})
    assert response.status_code == 200, response.content
    answer = response.json()
    return {level["location"]: level["on_hand"] for level in answer["levels"]}, answer["totals"]["on_hand"]


def test_a_movement_counts_from_its_own_moment_by_location_and_in_all(api) -> None:
    sold = adjust(-3)
    came = adjust(5, "east")
    just_before = (datetime.fromisoformat(sold) - timedelta(microseconds=1)).isoformat()

    assert then(api, just_before) == ({"east": 0, "main": 10}, 10)
    assert then(api, sold) == ({"east": 0, "main": 7}, 7)
    assert then(api, came) == ({"east": 5, "main": 7}, 12)
    assert then(api, "2020-01-01T00:00:00Z") == ({"east": 0, "main": 0}, 0)


def test_the_response_has_only_what_is_known_of_the_past(api) -> None:
    moment = moment_of(services.adjust_stock(sku="A-1", location="main", delta=1, reason="receipt").movement)

    assert api.get(url(), {"at": moment}).json() == {
        "sku": "A-1",
        "at": moment,
        "levels": [{"location": "main", "on_hand": 11}],
        "totals": {"on_hand": 11},
    }


def test_a_late_report_counts_from_its_own_moment(api) -> None:
    level = StockLevel.objects.get()
    yesterday = timezone.now() - timedelta(days=1)
    key = (level.variant_id, level.location_id)
    report_stock(services.ReportedChange(level=key, delta=-2, occurred_at=yesterday, reason="sale", source="demo:1:0"))

    # The count of today stays: the late change is reversed at the moment of the count.
    assert then(api, yesterday.isoformat()) == ({"main": -2}, -2)
    assert then(api, timezone.now().isoformat()) == ({"main": 10}, 10)


def test_the_present_moment_is_the_level(api) -> None:
    adjust(-3)
    adjust(5, "east")

    levels = api.get(url()).json()

    assert then(api, timezone.now().isoformat())[1] == levels["totals"]["on_hand"]


def test_another_offset_is_the_same_moment(api) -> None:
    sold = datetime.fromisoformat(adjust(-3))

    assert then(api, (sold + timedelta(hours=2)).isoformat().replace("+00:00", "+02:00")) == ({"main": 7}, 7)


def test_a_sku_with_a_slash(api) -> None:
    set_stock("A/B", "main", 4)
    set_stock("A/B", "main", 6)
    first = StockMovement.objects.filter(level__variant__sku="A/B").earliest("level_version")

    assert then(api, first.occurred_at.isoformat(), "A/B") == ({"main": 4}, 4)


def test_a_sku_without_levels_is_empty_and_an_unknown_one_is_404(api) -> None:
    assert then(api, "2020-01-01T00:00:00Z", "A/B") == ({}, 0)
    assert api.get(url("X-1"), {"at": "2020-01-01T00:00:00Z"}).status_code == 404


@pytest.mark.parametrize("at", ["tomorrow", "", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000"])
@pytest.mark.parametrize("sku", ["A-1", "A/B"])
def test_a_future_or_invalid_moment_is_422(api, at: str, sku: str) -> None:
    response = api.get(url(sku), {"at": at})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/at"


def test_an_unknown_parameter_is_not_ignored(api) -> None:
    assert api.get(url(), {"as_of": "2020-01-01T00:00:00Z"}).status_code == 422


def test_it_is_one_statement_and_read_from_an_index(api, django_assert_num_queries) -> None:
    moment = adjust(-3)
    api.get(url(), {"at": moment})

    with django_assert_num_queries(2):  # the variant, and the sums
        api.get(url(), {"at": moment})
    # Of two movements any index will do.
    rows = [services.Adjustment(index=n, sku="A-1", location="main", delta=1, reason="receipt") for n in range(1_000)]
    services.adjust_stock_in_bulk(rows=rows, atomic=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE inventory_stockmovement")
    movements = StockMovement.objects.filter(level=StockLevel.objects.get(), occurred_at__lte=moment)
    assert "inventory_movement_moment" in movements.order_by().values("delta").explain()


def test_movements_between_two_moments(api) -> None:
    first, second, third = adjust(-1), adjust(-2), adjust(-3)

    def deltas(**query: str) -> list[int]:
        response = api.get("/api/v1/inventory/movements/", {"reason": "sale", **query})
        return [movement["delta"] for movement in response.json()["results"]]

    assert deltas(since=second) == [-3, -2]
    assert deltas(until=second) == [-2, -1]
    assert deltas(since=second, until=second) == [-2]
    assert deltas(since=third, until=first) == []
