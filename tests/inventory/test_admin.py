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


def test_adjusting_changes_stock_in_the_name_of_who_did_it(level: StockLevel):
    sent = {"delta": "-3", "reason": "damage", "note": "wet", "reference": "T-1"}

    response = superuser("anna").post(page(level, "adjust"), sent, follow=True)

    level.refresh_from_db()
    movement = StockMovement.objects.latest("id")
    assert level.on_hand == 7
    assert (movement.delta, movement.reason, movement.note, movement.reference) == (-3, "damage", "wet", "T-1")
    assert movement.actor == "user:anna"
    assert Event.objects.latest("id").actor == "user:anna"
    assert said(response) == ["A-1 at Main: 10 → 7 on hand (-3, damage)."]
    assert response.redirect_chain == [(page(level, "change"), 302)]


def test_a_refused_adjustment_says_why_and_changes_nothing(level: StockLevel):
    events = Event.objects.count()

    response = superuser().post(page(level, "adjust"), {"delta": "-11", "reason": "sale"})

    level.refresh_from_db()
    assert response.status_code == 200
    assert response.context["form"].errors == {"delta": ["10 of A-1 are available at main, 11 were asked for."]}
    assert (level.on_hand, StockMovement.objects.count(), Event.objects.count()) == (10, 1, events)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"delta": "0", "reason": "sale"}, "delta"),
        ({"delta": "1.5", "reason": "sale"}, "delta"),
        ({"delta": "1", "reason": "count"}, "reason"),
        ({"delta": "1", "reason": ""}, "reason"),
    ],
)
def test_an_invalid_adjustment_is_refused(level: StockLevel, sent: dict[str, str], field: str):
    response = superuser().post(page(level, "adjust"), sent)

    assert list(response.context["form"].errors) == [field]
    assert StockMovement.objects.count() == 1


def test_after_an_adjustment_one_is_back_in_the_list_one_came_from(level: StockLevel):
    here, elsewhere = f"{LIST}?attention=oversold", "https://example.com/"
    client, sent = superuser(), {"delta": "1", "reason": "receipt"}

    back = client.post(f"{page(level, 'adjust')}?next={here}", sent)
    away = client.post(f"{page(level, 'adjust')}?next={elsewhere}", sent)

    assert back["Location"] == here
    assert away["Location"] == page(level, "change")


def test_counting_sets_the_stock_on_hand(level: StockLevel):
    response = superuser().post(page(level, "count"), {"on_hand": "4", "expected_on_hand": "10"}, follow=True)

    level.refresh_from_db()
    assert level.on_hand == 4
    assert StockMovement.objects.latest("id").reason == "count"
    assert said(response) == ["A-1 at Main: 10 → 4 on hand (-6, count)."]


def test_a_count_of_stock_that_has_changed_meanwhile_is_asked_again(level: StockLevel):
    client, sent = superuser(), {"on_hand": "4", "expected_on_hand": "10"}
    services.adjust_stock(sku="A-1", location="main", delta=-1, reason="sale")

    response = client.post(page(level, "count"), sent)

    level.refresh_from_db()
    form = response.context["form"]
    assert level.on_hand == 9
    assert form.non_field_errors() == ["9 of A-1 were known at main, not 10."]
    assert form["expected_on_hand"].value() == 9


def test_receiving_makes_a_level_where_there_was_none(level: StockLevel):
    make_location("west")
    sent = {"sku": "a-1", "location": "west", "kind": "receipt", "quantity": "8", "reference": "PO-7"}

    response = superuser().post(f"{LIST}receive/", sent, follow=True)

    made = StockLevel.objects.get(location__code="west")
    assert (made.on_hand, made.movements.get().reason, made.movements.get().reference) == (8, "receipt", "PO-7")
    assert said(response) == ["A-1 at West: 0 → 8 on hand (+8, receipt)."]
    assert response.context["form"]["location"].value() == "west"


def test_a_barcode_means_its_sku(level: StockLevel):
    sent = {"sku": "4006381333931", "location": "main", "kind": "count", "quantity": "0"}

    superuser().post(f"{LIST}receive/", sent)

    level.refresh_from_db()
    assert level.on_hand == 0


def test_an_unknown_sku_is_named(level: StockLevel):
    sent = {"sku": "NOPE", "location": "main", "kind": "receipt", "quantity": "1"}

    response = superuser().post(f"{LIST}receive/", sent)

    assert response.context["form"].errors == {"sku": ["There is no SKU and no barcode NOPE."]}


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


def bulk(level: StockLevel, other: StockLevel, delta: int) -> dict[str, object]:
    return {
        "action": "adjust_selected",
        "_selected_action": [level.pk, other.pk],
        "apply": "1",
        "delta": delta,
        "reason": "correction",
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
    assert said(response) == ["2 levels changed by -2."]


def test_selected_levels_are_adjusted_all_or_none(level: StockLevel, other: StockLevel):
    response = superuser().post(LIST, bulk(level, other, -5))

    assert response.context["form"].non_field_errors() == ["3 of B-1 are available at main, 5 were asked for."]
    assert list(StockLevel.objects.order_by("pk").values_list("on_hand", flat=True)) == [10, 3]


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


@pytest.mark.parametrize("action", ["adjust", "count"])
def test_without_the_permission_to_change_levels_one_only_looks(level: StockLevel, action: str):
    client = staff_with("inventory.view_stocklevel")
    sent = {"delta": "1", "reason": "receipt", "on_hand": "1", "expected_on_hand": "10"}

    seen, refused = client.get(LIST), client.post(page(level, action), sent)
    bulk_refused = client.post(LIST, bulk(level, level, 1))
    receipt = {"sku": "A-1", "location": "main", "kind": "receipt", "quantity": "1"}
    received = client.post(f"{LIST}receive/", receipt)

    level.refresh_from_db()
    assert (seen.status_code, refused.status_code, received.status_code) == (200, 403, 403)
    assert "Adjust" not in seen.content.decode()
    assert bulk_refused.status_code in (200, 302, 403)
    assert (level.on_hand, StockMovement.objects.count()) == (10, 1)


def test_with_the_permission_one_adjusts(level: StockLevel):
    client = staff_with("inventory.view_stocklevel", "inventory.change_stocklevel", name="ben")

    client.post(page(level, "adjust"), {"delta": "1", "reason": "receipt"})

    assert StockMovement.objects.latest("id").actor == "user:ben"


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
