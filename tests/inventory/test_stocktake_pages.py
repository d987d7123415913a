"""The warehouse's pages for counting a location."""

import pytest
from django.urls import reverse

from inventory import services
from inventory.admin import stocktake_tables
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


def test_a_sheet_is_made_of_scanned_barcodes_too():
    sent = {"location": Location.objects.get().pk, "note": "", "skus": "4006381333931\r\nC-1", "is_blind": "on"}

    superuser().post(f"{LIST}add/", sent)

    assert (counted(), Stocktake.objects.get().is_blind) == ({"A-1": None, "C-1": None}, True)


def test_an_error_names_its_line():
    make_product("D-1", barcode="12345670")
    make_product("D-2", barcode="12345670")
    sent = {"location": Location.objects.get().pk, "note": "", "skus": "A-1\n\nNOPE\n12345670"}

    response = superuser().post(f"{LIST}add/", sent)

    assert response.context["adminform"].form.errors["skus"] == [
        "Line 3: there is no SKU and no barcode NOPE.",
        "Line 4: several SKUs have the barcode 12345670: D-1, D-2.",
    ]
    assert Stocktake.objects.count() == 0


def test_the_form_says_how_many_lines_a_location_makes():
    make_location("shut", is_active=False)

    choices = superuser().get(f"{LIST}add/").context["adminform"].form.fields["location"].choices

    assert [str(label) for _, label in choices] == ["Select a location", "Main (2 lines)"]


def test_the_sheet_shows_what_differs(sheet: Stocktake):
    services.record_counts(stocktake_id=sheet.pk, counts=[services.StocktakeCount(sku="A-1", counted=8)])

    response = superuser().get(page("change"))

    assert response.context["summary"]["units_short"] == 2
    assert [row[-1] for row in response.context["tables"][0].rows] == [coloured_delta(-2), None]


def test_the_sheet_and_its_review_show_what_differs_the_largest_first(sheet: Stocktake):
    counts = [services.StocktakeCount(sku=sku, counted=units) for sku, units in (("A-1", 8), ("C-1", 30))]
    services.record_counts(stocktake_id=sheet.pk, counts=counts)

    differing, uncounted = superuser().get(page("post_counts")).context["tables"]

    assert [row[0] for row in differing.rows] == ["C-1", "A-1"]
    assert [row[2:] for row in differing.rows] == [(0, 30, coloured_delta(30)), (10, 8, coloured_delta(-2))]
    assert uncounted.title == "1 line was not counted: posting does not change it"
    assert [row[0] for row in uncounted.rows] == ["B-1"]


def test_a_long_review_says_how_many_lines_it_has(sheet: Stocktake, monkeypatch: pytest.MonkeyPatch):
    counts = [services.StocktakeCount(sku=sku, counted=1) for sku in ("A-1", "B-1")]
    services.record_counts(stocktake_id=sheet.pk, counts=counts)
    monkeypatch.setattr(stocktake_tables, "REVIEWED_LINES", 1)

    (differing,) = superuser().get(page("post_counts")).context["tables"]

    assert ([row[0] for row in differing.rows], differing.note) == (
        ["A-1"],
        "The first 1 of 2 lines; the API shows all.",
    )


def test_posting_makes_stock_of_it_in_the_name_of_who_did_it(sheet: Stocktake):
    services.record_counts(stocktake_id=sheet.pk, counts=[services.StocktakeCount(sku="A-1", counted=8)])
    client = superuser("anna")

    asked, response = client.get(page("post_counts")), client.post(page("post_counts"), SURE, follow=True)

    assert "1 of 2 lines were counted, 1 differ" in asked.content.decode()
    assert said(response) == [f"Count sheet {sheet.pk} is posted: the stock is what was counted."]
    assert response.context["actions_detail"] == []
    assert StockLevel.objects.get(variant__sku="A-1").on_hand == 8
    assert StockMovement.objects.latest("id").actor == "user:anna"
    assert find_mismatches() == []


def test_a_cancelled_sheet_is_not_counted_any_more(sheet: Stocktake):
    client = superuser()
    client.post(page("cancel"), SURE)

    refused = client.post(page("count"), {"sku": "A-1", "number": "1"}, follow=True)

    assert Stocktake.objects.get().status == "cancelled"
    assert said(refused)[-1:] == [f"Count sheet {sheet.pk} is closed: nothing more is counted."]
    assert counted() == {"A-1": None, "B-1": None}


@pytest.mark.parametrize(
    ("permissions", "refused"),
    [
        ((), {"count", "post_counts", "cancel"}),
        (("inventory.change_stocktake",), {"post_counts", "cancel"}),
        (("inventory.post_stocktake",), {"count"}),
    ],
)
def test_who_counts_does_not_post(sheet: Stocktake, permissions: tuple[str, ...], refused: set[str]):
    client = staff_with("inventory.view_stocktake", *permissions)

    statuses = {name: client.post(page(name), {"sku": "A-1", "number": "1"}).status_code for name in sorted(refused)}
    added = client.post(f"{LIST}add/", {"location": Location.objects.get().pk})

    assert (set(statuses.values()), added.status_code) == ({403}, 403)
    assert (counted(), Stocktake.objects.get().status) == ({"A-1": None, "B-1": None}, "open")
    offered = {action["path"].rsplit("/", 2)[-2] for action in client.get(page("change")).context["actions_detail"]}
    assert offered == {"count", "post", "cancel"} - {name.removesuffix("_counts") for name in refused}


@pytest.mark.parametrize(
    ("is_blind", "permission", "shows"),
    [
        (True, "inventory.change_stocktake", False),
        (True, "inventory.post_stocktake", True),
        (False, "inventory.change_stocktake", True),
    ],
)
def test_a_blind_sheet_shows_what_is_expected_to_those_who_may_post(is_blind: bool, permission: str, shows: bool):
    sheet = services.create_stocktake(location="main", is_blind=is_blind)
    services.record_counts(stocktake_id=sheet.pk, counts=[services.StocktakeCount(sku="A-1", counted=8)])

    answer = staff_with("inventory.view_stocktake", permission).get(page("change"))

    (table,) = answer.context["tables"]
    assert ("Expected" in table.columns, "Variance" in table.columns) == (shows, shows)
    assert len(table.rows[0]) == len(table.columns)
    assert ("Units short" in answer.content.decode()) is shows


def test_the_list_says_how_far_a_sheet_is_and_finds_those_that_are_ready(sheet: Stocktake):
    ready = services.create_stocktake(location="main", skus=["A-1"])
    services.create_stocktake(location=make_location("empty").code)
    services.record_counts(stocktake_id=ready.pk, counts=[services.StocktakeCount(sku="A-1", counted=8)])
    client = superuser()

    everything, found = client.get(LIST), client.get(f"{LIST}?ready=1")

    assert "0 of 2 counted" in everything.content.decode()
    assert list(found.context["cl"].queryset) == [ready]
    assert "1 of 1 counted" in found.content.decode()
    assert found.content.decode().count("Ready to post") == everything.content.decode().count("Ready to post") > 1
