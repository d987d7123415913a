"""The warehouse's pages for counting a location."""

from typing import Any

import pytest
from django.urls import reverse

from inventory import services
from inventory.admin.quantities import coloured_delta
from inventory.models import Location, StockLevel, StockMovement, Stocktake, StocktakeLine
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product, set_stock
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/stocktake/"
# What a page that only asks sends.
SURE = {"sure": "yes"}


@pytest.fixture(autouse=True)
def _two_skus() -> None:
    make_location("main")
    make_product("A-1", barcode="4006381333931")
    make_product("B-1")
    make_product("C-1")
    set_stock("A-1", "main", 10)
    set_stock("B-1", "main", 5)


@pytest.fixture
def sheet() -> Stocktake:
    """Of A-1 and B-1 at `main`."""
    return services.create_stocktake(location="main")


def page(name: str) -> str:
    return reverse(f"admin:inventory_stocktake_{name}", args=[Stocktake.objects.get().pk])


def typed(seen: dict[str, int | str] | None = None, **counts: int | str) -> dict[str, Any]:
    """What the page to count at sends: `A=8` is 8 of A-1; `seen` is what stood there when it was opened."""
    sent: dict[str, Any] = {"sku": "", "counted": ""}
    for letter, count in counts.items():
        name = f"line_{StocktakeLine.objects.get(variant__sku=f'{letter}-1').pk}"
        sent |= {name: count, f"initial-{name}": (seen or {}).get(letter, "")}
    return sent


def counted() -> dict[str, int | None]:
    return dict(StocktakeLine.objects.values_list("variant__sku", "counted"))


def test_a_sheet_is_made_of_a_location_and_then_counted():
    main = Location.objects.get().pk

    response = superuser().post(f"{LIST}add/", {"location": main, "note": "Sunday", "skus": ""})

    assert response["Location"] == page("count")
    assert (counted(), Stocktake.objects.get().note) == ({"A-1": None, "B-1": None}, "Sunday")


def test_a_sheet_is_made_of_the_named_skus():
    sent = {"location": Location.objects.get().pk, "note": "", "skus": "c-1\r\n\r\n A-1 \r\n"}

    superuser().post(f"{LIST}add/", sent)

    assert counted() == {"C-1": None, "A-1": None}


def test_an_unknown_sku_is_named_in_the_form():
    sent = {"location": Location.objects.get().pk, "note": "", "skus": "A-1\nNOPE"}

    response = superuser().post(f"{LIST}add/", sent)

    assert "There is no SKU NOPE." in response.content.decode()
    assert Stocktake.objects.count() == 0


def test_what_is_typed_into_the_table_is_counted(sheet: Stocktake):
    response = superuser().post(page("count"), typed(A=8, B=""), follow=True)

    assert said(response) == ["1 count entered."]
    assert counted() == {"A-1": 8, "B-1": None}
    assert [row[0] for row in response.context["form"].table().rows] == ["B-1"]
    assert StockMovement.objects.filter(reference__startswith="stocktake").count() == 0


def test_what_is_scanned_is_counted_and_what_is_found_is_added(sheet: Stocktake):
    client = superuser()

    client.post(page("count"), {"sku": "4006381333931", "counted": "7"})
    client.post(page("count"), {"sku": "c-1", "counted": "2"})

    assert counted() == {"A-1": 7, "B-1": None, "C-1": 2}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"sku": "NOPE", "counted": "1"}, "sku"),
        ({"sku": "A-1", "counted": ""}, "counted"),
        ({"sku": "", "counted": "1"}, "sku"),
        ({"sku": "A-1", "counted": "-1"}, "counted"),
    ],
)
def test_an_invalid_count_is_refused(sheet: Stocktake, sent: dict[str, str], field: str):
    response = superuser().post(page("count"), sent)

    assert list(response.context["form"].errors) == [field]
    assert counted() == {"A-1": None, "B-1": None}


def test_what_somebody_else_counted_meanwhile_is_left_alone(sheet: Stocktake):
    services.record_counts(stocktake_id=sheet.pk, counts=[services.StocktakeCount(sku="A-1", counted=9)])

    superuser().post(page("count"), typed(A="", B=4))

    assert counted() == {"A-1": 9, "B-1": 4}


def test_a_count_is_corrected_and_taken_back_among_all_lines(sheet: Stocktake):
    counts = [services.StocktakeCount(sku=sku, counted=9) for sku in ("A-1", "B-1")]
    services.record_counts(stocktake_id=sheet.pk, counts=counts)
    client = superuser()
    shown = client.get(f"{page('count')}?all").context["form"].table().rows

    client.post(f"{page('count')}?all", typed({"A": 9, "B": 9}, A=8, B=""))

    assert [row[-1].value() for row in shown] == [9, 9]
    assert counted() == {"A-1": 8, "B-1": None}


def test_the_sheet_shows_what_differs(sheet: Stocktake):
    services.record_counts(stocktake_id=sheet.pk, counts=[services.StocktakeCount(sku="A-1", counted=8)])

    response = superuser().get(page("change"))

    assert response.context["summary"]["units_short"] == 2
    assert [row[-1] for row in response.context["tables"][0].rows] == [coloured_delta(-2), None]


def test_posting_makes_stock_of_it_in_the_name_of_who_did_it(sheet: Stocktake):
    services.record_counts(stocktake_id=sheet.pk, counts=[services.StocktakeCount(sku="A-1", counted=8)])
    client = superuser("anna")

    asked, response = client.get(page("post_counts")), client.post(page("post_counts"), SURE, follow=True)

    assert "1 of 2 lines were counted, 1 differ" in asked.content.decode()
    assert said(response) == [f"Stocktake {sheet.pk} is posted."]
    assert response.context["actions_detail"] == []
    assert StockLevel.objects.get(variant__sku="A-1").on_hand == 8
    assert StockMovement.objects.latest("id").actor == "user:anna"
    assert find_mismatches() == []


def test_a_cancelled_sheet_changes_nothing(sheet: Stocktake):
    client = superuser()
    client.post(page("cancel"), SURE)

    refused = client.post(page("count"), typed(A=1))

    assert Stocktake.objects.get().status == "cancelled"
    assert refused.context["form"].non_field_errors() == ["The stocktake is cancelled, it cannot be counted."]
    assert counted() == {"A-1": None, "B-1": None}


@pytest.mark.parametrize("name", ["count", "post_counts", "cancel"])
def test_without_the_permission_one_only_looks(sheet: Stocktake, name: str):
    client = staff_with("inventory.view_stocktake")

    seen, refused = client.get(page("change")), client.post(page(name), typed(A=1))
    added = client.post(f"{LIST}add/", {"location": Location.objects.get().pk})

    assert (seen.status_code, refused.status_code, added.status_code) == (200, 403, 403)
    assert seen.context["actions_detail"] == []
    assert (counted(), Stocktake.objects.get().status) == ({"A-1": None, "B-1": None}, "open")
