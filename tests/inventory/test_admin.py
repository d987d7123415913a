"""The warehouse's pages: stock is changed by adjusting and counting, never by editing."""

import pytest
from django.urls import reverse

from inventory import services
from inventory.models import Location, StockLevel, StockMovement
from pms_backend.events.models import Event
from tests.factories import make_location, make_product, set_stock
from tests.staff import form_of, said, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/stocklevel/"


@pytest.fixture
def level() -> StockLevel:
    """Ten of A-1 at `main`."""
    make_product("A-1", barcode="4006381333931")
    set_stock("A-1", make_location(), 10)
    return StockLevel.objects.get()


def page(level: StockLevel, action: str) -> str:
    return reverse(f"admin:inventory_stocklevel_{action}", args=[level.pk])


@pytest.mark.parametrize(
    ("query", "found"), [("b-1", ["B-1"]), ("4006381333931", ["A-1"]), ("lam", ["A-1", "B-1"]), ("zzz", [])]
)
def test_the_list_is_searched_by_sku_barcode_and_name(level: StockLevel, query: str, found: list[str]):
    make_product("B-1")
    set_stock("B-1", "main", 1)

    response = superuser().get(LIST, {"q": query})

    assert [row.variant.sku for row in response.context["cl"].result_list] == found


def test_the_list_is_filtered_by_what_needs_attention(level: StockLevel):
    for sku in ("B-1", "C-1"):
        make_product(sku)
    set_stock("B-1", "main", 2)
    services.update_level(sku="B-1", location="main", values={"reorder_point": 2})
    services.adjust_stock(sku="C-1", location="main", delta=-1, reason="damage")
    client = superuser()

    shown = {
        name: [row.variant.sku for row in client.get(LIST, {"attention": name}).context["cl"].result_list]
        for name in ("below_reorder_point", "oversold")
    }

    assert shown == {"below_reorder_point": ["B-1"], "oversold": ["C-1"]}


def bulk(level: StockLevel, other: StockLevel, quantity: int, **more: str) -> dict[str, object]:
    return {
        "action": "adjust_selected",
        "_selected_action": [level.pk, other.pk],
        "apply": "1",
        "do": "correction",
        "quantity": quantity,
        **more,
    }


@pytest.fixture
def other(level: StockLevel) -> StockLevel:
    """Three of B-1 at `main`."""
    make_product("B-1")
    set_stock("B-1", "main", 3)
    return StockLevel.objects.get(variant__sku="B-1")


def test_selected_levels_are_adjusted_together(level: StockLevel, other: StockLevel):
    client = superuser()
    asked = client.post(LIST, {"action": "adjust_selected", "_selected_action": [level.pk, other.pk]})

    response = client.post(LIST, bulk(level, other, -2), follow=True)

    assert [row[0] for row in asked.context["table"].rows] == ["A-1", "B-1"]
    assert list(StockLevel.objects.order_by("pk").values_list("on_hand", flat=True)) == [8, 1]
    assert said(response) == ["2 levels changed by −2."]


def test_selected_levels_are_adjusted_all_or_none(level: StockLevel, other: StockLevel):
    response = superuser().post(LIST, bulk(level, other, -5))

    assert response.context["form"].non_field_errors() == ["3 of B-1 are available at main, 5 were asked for."]
    assert list(StockLevel.objects.order_by("pk").values_list("on_hand", flat=True)) == [10, 3]


@pytest.mark.parametrize(
    ("job", "quantity", "field"), [("receipt", -2, "quantity"), ("damage", 0, "quantity"), ("", 1, "do")]
)
def test_selected_levels_are_not_adjusted_against_the_direction_of_the_job(
    level: StockLevel, other: StockLevel, job: str, quantity: int, field: str
):
    response = superuser().post(LIST, bulk(level, other, quantity, do=job))

    assert list(response.context["form"].errors) == [field]
    assert StockMovement.objects.count() == 2


def test_far_more_than_a_selected_level_has_seen_is_asked_about(level: StockLevel, other: StockLevel):
    client = superuser()

    asked = client.post(LIST, bulk(level, other, 20_000_013, do="receipt"))
    assert StockMovement.objects.count() == 2
    form = asked.context["form"]
    assert "Is it really 20,000,013 units?" in form.errors["quantity"][0]

    client.post(LIST, bulk(level, other, 20_000_013, do="receipt", asked=str(form["asked"].value())))
    assert StockMovement.objects.count() == 4


def test_damage_takes_the_entered_units_from_each_selected_level(level: StockLevel, other: StockLevel):
    superuser().post(LIST, bulk(level, other, 2, do="damage"))

    assert list(StockLevel.objects.order_by("pk").values_list("on_hand", flat=True)) == [8, 1]


def test_a_level_leads_to_the_scan_desk_for_each_job(level: StockLevel):
    page_of_level = superuser().get(page(level, "change")).content.decode()

    assert "/admin/inventory/stocklevel/scan/?do=count&amp;q=A-1&amp;location=main" in page_of_level
    assert page_of_level.count("/stocklevel/scan/?do=") == 7


def test_limits_are_edited_and_nothing_else_is(level: StockLevel):
    sent = {"reorder_point": "4", "backorder_limit": "2", "on_hand": "99", "reserved": "5"}

    superuser().post(page(level, "change"), sent)

    level.refresh_from_db()
    assert (level.reorder_point, level.backorder_limit, level.on_hand, level.reserved) == (4, 2, 10, 0)
    assert Event.objects.latest("id").data["level"]["reorder_point"] == 4


def test_a_limit_below_what_is_in_use_is_refused_in_the_form(level: StockLevel):
    services.update_level(sku="A-1", location="main", values={"backorder_limit": 5})
    services.adjust_stock(sku="A-1", location="main", delta=-13, reason="sale")

    response = superuser().post(page(level, "change"), {"reorder_point": "", "backorder_limit": "1"})

    level.refresh_from_db()
    assert response.context["adminform"].form.non_field_errors() == ["3 are promised beyond what is there."]
    assert level.backorder_limit == 5


def test_a_level_shows_its_ledger(level: StockLevel):
    services.adjust_stock(sku="A-1", location="main", delta=-3, reason="sale", reference="SO-9")

    response = superuser().get(page(level, "change"))

    assert [(row[1], row[3]) for row in response.context["tables"][-1].rows] == [("Sale", 7), ("Count", 10)]
    assert "SO-9" in response.content.decode()


def test_without_the_permission_to_change_levels_one_only_looks(level: StockLevel):
    client = staff_with("inventory.view_stocklevel")

    seen = client.get(LIST)
    refused = client.post(LIST, bulk(level, level, 1))

    assert seen.status_code == 200
    assert "/stocklevel/scan/?do=" not in seen.content.decode()
    assert refused.status_code in (200, 302, 403)
    level.refresh_from_db()
    assert (level.on_hand, StockMovement.objects.count()) == (10, 1)


@pytest.mark.parametrize("name", ["stocklevel", "stockmovement"])
def test_neither_levels_nor_the_ledger_are_added_or_deleted(level: StockLevel, name: str):
    client = superuser()
    key = level.pk if name == "stocklevel" else StockMovement.objects.get().pk

    added = client.post(reverse(f"admin:inventory_{name}_add"), {})
    deleted = client.post(reverse(f"admin:inventory_{name}_delete", args=[key]), {"post": "yes"})
    client.post(f"/admin/inventory/{name}/", {"action": "delete_selected", "_selected_action": [key], "post": "yes"})

    assert (added.status_code, deleted.status_code) == (403, 403)
    assert (StockLevel.objects.count(), StockMovement.objects.count()) == (1, 1)


def test_the_ledger_is_not_edited(level: StockLevel):
    movement = StockMovement.objects.get()

    response = superuser().post(reverse("admin:inventory_stockmovement_change", args=[movement.pk]), {"delta": "99"})

    movement.refresh_from_db()
    assert response.status_code == 403
    assert movement.delta == 10


@pytest.mark.parametrize(("query", "count"), [("A-1", 2), ("a-", 2), ("SO-9", 1), ("nothing", 0)])
def test_the_ledger_is_searched_by_sku_and_reference(level: StockLevel, query: str, count: int):
    services.adjust_stock(sku="A-1", location="main", delta=-3, reason="sale", reference="SO-9")

    response = superuser().get("/admin/inventory/stockmovement/", {"q": query})

    assert len(response.context["cl"].result_list) == count


def test_a_location_is_opened_and_changed_through_the_service():
    client = superuser()
    client.post(reverse("admin:inventory_location_add"), {"code": "west", "name": "West", "priority": "5"})
    west = Location.objects.get()
    change = reverse("admin:inventory_location_change", args=[west.pk])

    client.post(change, {**form_of(client.get(change)), "name": "Wild West", "code": "moved", "is_active": "on"})

    west.refresh_from_db()
    assert (west.code, west.name, west.is_active) == ("west", "Wild West", True)
    assert Event.objects.filter(type="location.changed", subject="location:west").count() == 2


def test_a_location_that_holds_stock_is_not_closed(level: StockLevel):
    change = reverse("admin:inventory_location_change", args=[level.location_id])

    response = superuser().post(change, {"name": "Closed", "priority": "5"})

    level.location.refresh_from_db()
    assert response.context["adminform"].form.non_field_errors() == ["main holds stock; move or count it out first."]
    assert response.context["adminform"].form["name"].value() == "Closed"
    assert (level.location.is_active, level.location.name) == (True, "Main")
