"""`GET /pms/inventory/`: stock as the PMS last told it beside ours."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory import services as inventory
from pms_integration.models import PMSConnection, PMSStock, PMSStockPush
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import apply, delta, figure
from tests.pms_integration.stock_pushes.two_systems import Pair
from tests.staff import superuser

pytestmark = pytest.mark.django_db

URL = "/api/v1/pms/inventory/"
PAGE = reverse("admin:pms_integration_pmsstock_changelist")


def rows(api: JSONClient, **filters: Any) -> list[dict[str, Any]]:
    answer = api.get(URL, filters)
    assert answer.status_code == 200, answer.content
    listed: list[dict[str, Any]] = answer.json()["results"]
    return listed


def figures(api: JSONClient, place: str) -> tuple[int, int | None, int, int | None]:
    """What the PMS has, what we have, what is pending, and the difference."""
    (row,) = rows(api, location=f"{place}-shop")
    return row["pms_on_hand"], row["on_hand"], row["pending"], row["difference"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["annex", "outlet"])
def test_a_movement_of_ours_is_pending_until_it_is_acknowledged(api: JSONClient, both: Pair, place: str) -> None:
    assert figures(api, place) == (50, 50, 0, 0)

    both.move_here(place, -3)
    # It is in the outbox, and no push yet.
    assert not PMSStockPush.objects.exists()
    assert figures(api, place) == (50, 47, -3, 0)
    both.relay()
    assert figures(api, place) == (50, 47, -3, 0)
    both.push()
    assert figures(api, place) == (47, 47, 0, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["annex", "outlet"])
def test_a_change_of_the_pms_later_than_its_figure_counts_there_too(api: JSONClient, both: Pair, place: str) -> None:
    both.move_there(place, -4)
    both.deliver(0)

    assert figures(api, place) == (46, 46, 0, 0)

    both.pull()
    assert figures(api, place) == (46, 46, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_change_that_no_webhook_told_is_a_difference_where_the_stock_is_ours(api: JSONClient, both: Pair) -> None:
    both.move_there("outlet", -2, is_lost=True)
    both.move_here("outlet", 1)
    both.relay()
    both.pull()

    assert figures(api, "outlet") == (48, 51, 1, 2)
    assert [row["location"] for row in rows(api, differs="true")] == ["outlet-shop"]
    assert [row["location"] for row in rows(api, differs="false")] == ["annex-shop"]


@pytest.mark.django_db(transaction=True)
def test_a_rejected_push_is_not_pending_and_an_acknowledged_correction_counts(api: JSONClient, both: Pair) -> None:
    both.move_here("outlet", -5)
    both.relay()
    PMSStockPush.objects.update(status="rejected", error="unknown_sku")
    assert figures(api, "outlet") == (50, 45, 0, -5)
    assert [row["error"] for row in rows(api, differs="true")] == ["unknown_sku"]
    page = reverse(
        "admin:pms_integration_pmsstock_change", args=[PMSStock.objects.get(location__code="outlet-shop").pk]
    )
    assert "unknown_sku" in superuser().get(page).content.decode()

    level = PMSStockPush.objects.get().level
    moment = PMSStock.objects.get(location=level.location).reported_at
    correction = PMSStockPush.objects.create(
        connection=both.pms, level=level, delta=-5, reason="correction", occurred_at=moment
    )
    assert figures(api, "outlet") == (50, 45, -5, 0)
    assert {row["error"] for row in rows(api)} == {""}

    both.push()
    correction.refresh_from_db()
    assert correction.status == "acknowledged"
    assert figures(api, "outlet") == (45, 45, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_what_the_owner_has_rejected_stays_a_difference_until_its_quantities_are_taken(
    api: JSONClient, both: Pair
) -> None:
    both.move_here("annex", -5)
    both.relay()
    PMSStockPush.objects.update(status="rejected", error="closed_for_stocktake")
    both.move_there("annex", 3, as_figure=True)
    both.deliver(0)
    assert figures(api, "annex") == (53, 48, 0, -5)
    assert [row["error"] for row in rows(api, differs="true")] == ["closed_for_stocktake"]

    # Somebody enters it at the PMS, and then takes what the PMS has.
    both.move_there("annex", -5)
    both.deliver(0)
    assert figures(api, "annex") == (48, 43, 0, -5)
    body = {"location": "annex-shop", "owner": "pms", "opening": "pms"}
    assert api.post("/api/v1/pms/connections/shop/ownership/", body).status_code == 200

    assert figures(api, "annex") == (48, 48, 0, 0)
    both.move_there("annex", 1, as_figure=True)
    both.deliver(0)
    assert figures(api, "annex") == (49, 49, 0, 0)
    assert {row["error"] for row in rows(api)} == {""}


def test_what_opened_a_level_is_compared_and_not_pending(api: JSONClient) -> None:
    make_product()
    make_location("main")
    pms = make_connection()
    PMSConnection.objects.update(base_url="http://pms.example")
    pms.locations.create(location=make_location("shop"), external_id="shop")
    apply(pms, "inventory.updated", {**figure(7, minute=-1), "location": "shop"})
    (row,) = rows(api)
    assert (row["pms_on_hand"], row["on_hand"], row["pending"], row["difference"]) == (7, None, 0, None)
    assert rows(api, differs="true") == rows(api, differs="false") == []

    set_stock("A-1", "shop", 10)
    inventory.adjust_stock(sku="A-1", location="shop", delta=-10, reason="damage")
    inventory.adjust_stock(sku="A-1", location="shop", delta=4, reason="receipt")

    (row,) = rows(api)
    assert (row["pms_on_hand"], row["on_hand"], row["pending"], row["difference"]) == (7, 4, -6, 3)


def test_a_pms_that_is_not_told_has_nothing_pending(api: JSONClient) -> None:
    make_product()
    pms = make_connection(owns=make_location("main"))
    apply(pms, "inventory.updated", figure(7, minute=-2))
    apply(pms, "inventory.adjusted", delta(-1, minute=-1))

    inventory.adjust_stock(sku="A-1", location="main", delta=2, reason="receipt")

    (row,) = rows(api)
    moment = row.pop("reported_at")
    assert row == {
        "connection": "demo", "sku": "A-1", "location": "main",
        "pms_on_hand": 6, "on_hand": 8, "pending": 0, "difference": 2, "error": "",
    }  # fmt: skip
    assert moment.endswith("Z")


def test_the_filters_and_the_number_of_statements(api: JSONClient) -> None:
    main, pms, other = make_location("main"), make_connection(), make_connection("other")
    for number in range(3):
        make_product(f"S-{number}")
        for each in (pms, other):
            apply(each, "inventory.updated", figure(number, minute=-1, sku=f"S-{number}"))
        set_stock(f"S-{number}", main, number)

    assert len(rows(api, sku="s-1", connection="other")) == 1
    with CaptureQueriesContext(connection) as queries:
        assert len(rows(api)) == 6
    assert len(queries) == 1
    assert len(rows(api, location="main", differs="false")) == 6
    assert rows(api, location="none") == rows(api, sku="a\nb") == []
    assert api.get(URL, {"page_size": 4}).json()["next"]
    assert api.get(URL, {"differs": "perhaps"}).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_the_admin_shows_and_filters_the_same(both: Pair) -> None:
    both.move_there("outlet", -2, is_lost=True)
    both.move_here("outlet", 3)
    both.pull()
    staff = superuser()

    listed = staff.get(PAGE, {"differs": "1"}).content.decode()
    stock = PMSStock.objects.get(location__code="outlet-shop")
    shown = staff.get(reverse("admin:pms_integration_pmsstock_change", args=[stock.pk])).content.decode()

    assert "Outlet-Shop" in listed
    assert "Annex-Shop" not in listed
    assert "+2</span>" in listed
    assert "+2</span>" in shown
    agreeing = staff.get(PAGE, {"differs": "0"}).content.decode()
    assert "Annex-Shop" in agreeing
    assert "Outlet-Shop" not in agreeing
