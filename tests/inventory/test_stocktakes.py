"""Stocktakes: a sheet of what is expected, counts that are entered over time, and stock that is what was counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory import services
from inventory.models import MAX_QUANTITY, StockLevel, StockMovement, Stocktake, StocktakeLine
from inventory.serializers import stocktakes as shown
from inventory.services import stocktakes
from inventory.services.absolute_counts import present_moment
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, report_stock, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/inventory/stocktakes/"


@pytest.fixture(autouse=True)
def _three_skus() -> None:
    for code in ("main", "west"):
        make_location(code)
    for sku in ("A-1", "B-1", "C-1"):
        make_product(sku)
    set_stock("A-1", "main", 10)
    set_stock("B-1", "main", 5)
    set_stock("C-1", "west", 7)


def made(api: JSONClient, **more: Any) -> str:
    """The address of a new sheet of `main`."""
    response = api.post(URL, {"location": "main", **more})
    assert response.status_code == 201, response.json()
    return f"{URL}{response.json()['id']}/"


def enter(api: JSONClient, sheet: str, **counts: int | None) -> dict[str, Any]:
    """Enters counts (`A=8` is 8 of A-1), just now."""
    lines = [{"sku": f"{letter}-1", "counted": counted} for letter, counted in counts.items()]
    response = api.patch(sheet, {"lines": lines})
    assert response.status_code == 200, response.json()
    body: dict[str, Any] = response.json()
    return body


def sell(sku: str, units: int) -> None:
    services.adjust_stock(sku=sku, location="main", delta=-units, reason="sale")


def on_hand() -> dict[str, int]:
    """What is on hand at `main`."""
    levels = StockLevel.objects.filter(location__code="main").select_related("variant")
    return {level.variant.sku: level.on_hand for level in levels}


def posted() -> list[tuple[str, int, str]]:
    """What sheets have written into the ledger."""
    movements = StockMovement.objects.filter(reference__startswith="stocktake:").order_by("id")
    return list(movements.values_list("level__variant__sku", "delta", "reason"))


def report(sku: str, units: int, moment: datetime) -> None:
    """What a PMS says has happened at a moment."""
    level = StockLevel.objects.get(variant__sku=sku, location__code="main")
    key = (level.variant_id, level.location_id)
    report_stock(
        services.ReportedChange(level=key, delta=units, occurred_at=moment, reason="sale", source=f"pms:{moment}")
    )


def rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_a_sheet_expects_what_is_known(api: JSONClient):
    body = api.post(URL, {"location": "main", "note": "Sunday"}).json()

    stocktake = Stocktake.objects.get()
    nothing = {"counted": None, "counted_at": None, "variance": None}
    assert body == {
        "id": stocktake.pk,
        "location": "main",
        "status": "open",
        "is_blind": True,
        "note": "Sunday",
        "created_at": rfc3339(stocktake.created_at),
        "closed_at": None,
        "summary": {
            "lines": 2, "counted": 0, "differing": 0, "units_over": 0, "units_short": 0, "superseded": 0,
        },
        "lines": [{"sku": "A-1", "expected": 10, **nothing}, {"sku": "B-1", "expected": 5, **nothing}],
    }  # fmt: skip


def test_a_sheet_says_whether_it_is_blind(api: JSONClient):
    body = api.post(URL, {"location": "main", "is_blind": False}).json()

    assert body["is_blind"] is False
    assert [sheet["is_blind"] for sheet in api.get(URL).json()["results"]] == [False]
    assert body["lines"][0]["expected"] == 10


def test_a_sheet_of_named_skus_expects_none_of_one_without_a_level(api: JSONClient):
    body = api.get(made(api, skus=["c-1", "A-1", "C-1"])).json()

    assert [(line["sku"], line["expected"]) for line in body["lines"]] == [("C-1", 0), ("A-1", 10)]


@pytest.mark.parametrize(
    ("asked", "status", "code", "pointer"),
    [
        ({"location": "moon"}, 422, "unknown_location", "/location"),
        ({"location": "shut"}, 409, "location_inactive", "/location"),
        ({"location": "main", "skus": ["A-1", "X-1", "X-2"]}, 422, "unknown_sku", "/skus/1"),
        ({"location": "main", "skus": []}, 422, "empty", "/skus"),
    ],
)
def test_a_sheet_that_makes_no_sense_is_refused(
    api: JSONClient, asked: dict[str, Any], status: int, code: str, pointer: str
):
    make_location("shut", is_active=False)

    response = api.post(URL, asked)

    assert response.status_code == status
    assert (response.json()["errors"][0]["pointer"], response.json()["errors"][0]["code"]) == (pointer, code)
    assert Stocktake.objects.count() == 0


def test_counts_are_entered_over_time_and_change_no_stock(api: JSONClient):
    sheet = made(api)

    first = enter(api, sheet, A=8)
    second = enter(api, sheet, B=6)

    assert [(line["counted"], line["variance"]) for line in first["lines"]] == [(8, -2), (None, None)]
    assert [(line["counted"], line["variance"]) for line in second["lines"]] == [(8, -2), (6, 1)]
    assert second["lines"][0]["counted_at"] == first["lines"][0]["counted_at"] < second["lines"][1]["counted_at"]
    assert second["summary"] == {
        "lines": 2, "counted": 2, "differing": 2, "units_over": 1, "units_short": 2, "superseded": 0,
    }  # fmt: skip
    assert (on_hand(), posted()) == ({"A-1": 10, "B-1": 5}, [])


def test_a_count_is_corrected_and_taken_back(api: JSONClient):
    sheet = made(api)
    enter(api, sheet, A=8, B=1)

    body = enter(api, sheet, A=9, B=None)

    assert [(line["counted"], line["counted_at"] is None) for line in body["lines"]] == [(9, False), (None, True)]


def test_a_sku_that_is_found_in_the_wrong_place_is_added(api: JSONClient):
    sheet = made(api)

    body = enter(api, sheet, C=3)
    api.post(f"{sheet}post/")

    assert body["lines"][2] == {**body["lines"][2], "sku": "C-1", "expected": 0, "counted": 3, "variance": 3}
    assert on_hand() == {"A-1": 10, "B-1": 5, "C-1": 3}
    assert find_mismatches() == []


def test_taking_back_what_is_not_on_the_sheet_adds_nothing(api: JSONClient):
    sheet = made(api)

    assert [line["sku"] for line in enter(api, sheet, C=None)["lines"]] == ["A-1", "B-1"]


def test_posting_makes_stock_of_what_was_counted_and_leaves_the_rest_alone(api: JSONClient):
    sheet = made(api, note="Sunday")
    enter(api, sheet, A=8)

    body = api.post(f"{sheet}post/").json()

    assert (body["status"], body["closed_at"] is None) == ("posted", False)
    assert on_hand() == {"A-1": 8, "B-1": 5}
    assert posted() == [("A-1", -2, "count")]
    line = StocktakeLine.objects.get(variant__sku="A-1")
    movement = StockMovement.objects.latest("id")
    assert (movement.reference, movement.note) == (f"stocktake:{body['id']}", "Sunday")
    assert (movement.occurred_at, line.posted_delta) == (line.counted_at, -2)
    event = Event.objects.get(type="stocktake.posted")
    assert event.subject == f"stocktake:{body['id']}"
    assert event.data == {"stocktake": {name: value for name, value in body.items() if name != "lines"}}
    assert find_mismatches() == []


def test_a_sale_before_the_count_is_no_variance(api: JSONClient):
    sheet = made(api)
    sell("A-1", 2)

    body = enter(api, sheet, A=8)
    api.post(f"{sheet}post/")

    assert (body["lines"][0]["expected"], body["lines"][0]["variance"]) == (10, 0)
    assert (on_hand()["A-1"], posted()) == (8, [])


def test_a_sale_between_count_and_posting_stays_on_top_of_the_count(api: JSONClient):
    sheet = made(api)
    enter(api, sheet, A=8)
    sell("A-1", 3)

    body = api.post(f"{sheet}post/").json()

    assert body["lines"][0]["variance"] == -2
    assert (on_hand()["A-1"], posted()) == (5, [("A-1", -2, "count")])
    assert find_mismatches() == []


def test_each_count_is_of_its_own_moment(api: JSONClient):
    sheet = made(api)
    before = present_moment()
    sell("A-1", 3)
    sell("B-1", 1)
    after = present_moment()
    lines = [
        {"sku": "A-1", "counted": 9, "counted_at": before.isoformat()},
        {"sku": "B-1", "counted": 4, "counted_at": after.isoformat()},
    ]

    api.patch(sheet, {"lines": lines})
    api.post(f"{sheet}post/")

    assert (on_hand(), posted()) == ({"A-1": 6, "B-1": 4}, [("A-1", -1, "count")])
    assert find_mismatches() == []


def test_what_happened_before_the_count_and_is_heard_of_later_leaves_the_count(api: JSONClient):
    sheet = made(api)
    early = present_moment()
    enter(api, sheet, A=8)

    report("A-1", -1, early)
    before_posting = on_hand()["A-1"]
    api.post(f"{sheet}post/")
    report("A-1", -2, early + timedelta(microseconds=1))

    assert (before_posting, on_hand()["A-1"]) == (9, 8)
    assert posted() == [("A-1", -1, "count")]
    assert find_mismatches() == []


def test_a_count_that_a_later_figure_makes_void_changes_nothing(api: JSONClient):
    sheet = made(api)
    enter(api, sheet, A=8, B=4)
    set_stock("A-1", "main", 9)

    body = api.post(f"{sheet}post/").json()

    assert [(line["counted"], line["variance"]) for line in body["lines"]] == [(8, None), (4, -1)]
    assert (body["summary"]["superseded"], body["summary"]["differing"]) == (1, 1)
    assert on_hand() == {"A-1": 9, "B-1": 4}
    assert StocktakeLine.objects.get(variant__sku="A-1").posted_delta is None
    assert find_mismatches() == []


def test_a_count_that_finds_what_was_known_is_remembered_and_moves_nothing(api: JSONClient):
    sheet = made(api)
    enter(api, sheet, A=10)
    events = Event.objects.filter(type="stock.changed").count()

    api.post(f"{sheet}post/")

    level = StockLevel.objects.get(variant__sku="A-1")
    assert (level.counted_on_hand, level.counted_at) == (10, StocktakeLine.objects.get(counted=10).counted_at)
    assert StocktakeLine.objects.get(counted=10).posted_delta == 0
    assert (posted(), Event.objects.filter(type="stock.changed").count()) == ([], events)


def test_a_count_below_what_is_reserved_applies_and_oversells(api: JSONClient):
    services.update_level(sku="A-1", location="main", values={"backorder_limit": 5})
    sell("A-1", 14)
    sheet = made(api)
    services.update_level(sku="B-1", location="main", values={"reorder_point": 2})
    enter(api, sheet, A=0, B=2)

    body = api.post(f"{sheet}post/").json()

    assert body["lines"][0]["expected"] == -4
    assert on_hand() == {"A-1": 0, "B-1": 2}
    assert Event.objects.filter(type="stock.low").count() == 1


@pytest.mark.parametrize(
    ("reached_by", "then", "status"),
    [("post", "post", 200), ("cancel", "cancel", 200), ("post", "cancel", 409), ("cancel", "post", 409)],
)
def test_a_sheet_is_closed_once(api: JSONClient, reached_by: str, then: str, status: int):
    sheet = made(api)
    enter(api, sheet, A=8)
    reached = api.post(f"{sheet}{reached_by}/").json()
    before = (on_hand(), Event.objects.count(), StockMovement.objects.count())

    response = api.post(f"{sheet}{then}/")

    assert response.status_code == status
    if status == 409:
        (error,) = response.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/status", reached["status"])
    else:
        assert response.json() == reached
    assert (on_hand(), Event.objects.count(), StockMovement.objects.count()) == before


@pytest.mark.parametrize("closed_by", ["post", "cancel"])
def test_nothing_is_entered_into_a_closed_sheet(api: JSONClient, closed_by: str):
    sheet = made(api)
    api.post(f"{sheet}{closed_by}/")

    response = api.patch(sheet, {"lines": [{"sku": "A-1", "counted": 1}]})

    assert (response.status_code, response.json()["code"]) == (409, "stocktake_state_conflict")
    assert StocktakeLine.objects.filter(counted__isnull=False).count() == 0


def test_a_cancelled_sheet_has_no_effect(api: JSONClient):
    sheet = made(api)
    enter(api, sheet, A=1)

    body = api.post(f"{sheet}cancel/").json()

    assert (body["status"], on_hand(), posted()) == ("cancelled", {"A-1": 10, "B-1": 5}, [])
    assert Event.objects.filter(type="stocktake.posted").count() == 0


def soon(**later: int) -> str:
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


@pytest.mark.parametrize(
    ("line", "code", "member"),
    [
        ({"sku": "X-1", "counted": 1}, "unknown_sku", "sku"),
        ({"sku": "a-1", "counted": 1}, "repeated_sku", "sku"),
        ({"sku": "B-1", "counted": -1}, "min_value", "counted"),
        ({"sku": "B-1", "counted": MAX_QUANTITY + 1}, "max_value", "counted"),
        ({"sku": "B-1"}, "required", "counted"),
        ({"sku": "B-1", "counted": 0, "counted_at": soon(days=-1)}, "before_the_sheet", "counted_at"),
        ({"sku": "B-1", "counted": 1, "counted_at": soon(days=1)}, "in_the_future", "counted_at"),
        ({"sku": "B-1", "counted": 1, "counted_at": "noon"}, "invalid", "counted_at"),
    ],
)
def test_a_count_that_makes_no_sense_is_refused_with_all_others(
    api: JSONClient, line: dict[str, Any], code: str, member: str
):
    sheet = made(api)

    response = api.patch(sheet, {"lines": [{"sku": "A-1", "counted": 1}, line]})

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(f"/lines/1/{member}", code)]
    assert StocktakeLine.objects.filter(counted__isnull=False).count() == 0


def test_a_clock_that_is_a_little_ahead_means_now(api: JSONClient):
    sheet = made(api)
    ahead = soon(seconds=stocktakes.MAX_COUNT_SKEW.seconds - 5)

    api.patch(sheet, {"lines": [{"sku": "A-1", "counted": 8, "counted_at": ahead}]})

    assert StocktakeLine.objects.get(counted=8).counted_at <= present_moment()


def test_limits_are_kept(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    sheet = made(api)
    monkeypatch.setattr(stocktakes, "MAX_STOCKTAKE_LINES", 1)

    all_levels = api.post(URL, {"location": "main"})
    named = api.post(URL, {"location": "main", "skus": ["A-1", "B-1"]})
    added = api.patch(sheet, {"lines": [{"sku": "C-1", "counted": 1}]})
    many = api.patch(sheet, {"lines": [{"sku": "A-1", "counted": 1}] * (stocktakes.MAX_COUNTS + 1)})

    assert [(answer.status_code, answer.json()["code"]) for answer in (all_levels, named, added)] == [
        (422, "stocktake_too_large")
    ] * 3
    assert many.json()["errors"][0]["pointer"] == "/lines"
    assert StocktakeLine.objects.count() == 2


def test_the_lines_of_a_long_sheet_are_read_by_pages(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shown, "MAX_SHOWN_LINES", 1)
    sheet = made(api)
    enter(api, sheet, A=8)

    body = api.get(sheet).json()
    first = api.get(f"{sheet}lines/?page_size=1").json()
    second = api.get(first["next"]).json()

    assert (body["lines"], body["summary"]["lines"]) == (None, 2)
    assert [(line["sku"], line["variance"]) for line in first["results"] + second["results"]] == [
        ("A-1", -2),
        ("B-1", None),
    ]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["A-1", "B-1", "C-1"]),
        ("counted=true", ["A-1", "B-1"]),
        ("counted=false", ["C-1"]),
        ("differs=true", ["A-1"]),
        ("differs=false", ["B-1"]),
        ("sku=b-1", ["B-1"]),
    ],
)
def test_lines_are_filtered(api: JSONClient, query: str, found: list[str]):
    sheet = made(api, skus=["A-1", "B-1", "C-1"])
    enter(api, sheet, A=8, B=5)

    lines = api.get(f"{sheet}lines/?{query}").json()["results"]

    assert [line["sku"] for line in lines] == found


def test_sheets_are_listed_and_filtered(api: JSONClient):
    api.post(f"{made(api)}cancel/")
    made(api, location="west")

    everything = api.get(URL).json()["results"]
    at_main = api.get(f"{URL}?location=main").json()["results"]
    open_ones = api.get(f"{URL}?status=open").json()["results"]

    assert [(sheet["location"], sheet["status"]) for sheet in everything] == [("west", "open"), ("main", "cancelled")]
    assert "lines" not in everything[0]
    assert [sheet["location"] for sheet in at_main] == ["main"]
    assert [sheet["location"] for sheet in open_ones] == ["west"]


@pytest.mark.parametrize("path", ["", "lines/"])
def test_a_sheet_that_is_not_there_is_not_found(api: JSONClient, path: str):
    assert api.get(f"{URL}999999/{path}").status_code == 404


def test_a_sheet_of_a_location_that_was_closed_is_not_posted(api: JSONClient):
    sheet = made(api, location="west")
    enter(api, sheet, C=7)
    set_stock("C-1", "west", 0)
    services.update_location(code="west", values={"is_active": False})

    response = api.post(f"{sheet}post/")

    assert (response.status_code, response.json()["code"]) == (409, "location_inactive")


def test_the_number_of_statements_does_not_grow_with_the_lines():
    skus = [f"D-{number}" for number in range(60)]
    for sku in skus:
        make_product(sku)
    costs = []
    for some in (skus[:2], skus[2:]):
        cost = []
        with CaptureQueriesContext(connection) as captured:
            sheet = services.create_stocktake(location="main", skus=some[:-1]).pk
        cost.append(len(captured))
        counts = [services.StocktakeCount(sku=sku, counted=3) for sku in some]
        with CaptureQueriesContext(connection) as captured:
            services.record_counts(stocktake_id=sheet, counts=counts)
        cost.append(len(captured))
        with CaptureQueriesContext(connection) as captured:
            services.post_stocktake(stocktake_id=sheet)
        cost.append(len(captured))
        costs.append(cost)

    assert costs[0] == costs[1]
    assert find_mismatches() == []
