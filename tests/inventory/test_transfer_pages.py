"""The warehouse's pages for moving stock between locations."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory import services
from inventory.models import Location, StockLevel, StockMovement, Transfer
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product, set_stock
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/transfer/"
# What a page that only asks sends.
SURE = {"sure": "yes"}


@pytest.fixture(autouse=True)
def _two_locations() -> None:
    for code in ("main", "west"):
        make_location(code)
    make_product("A-1", barcode="4006381333931")
    make_product("B-1")
    set_stock("A-1", "main", 10)
    set_stock("B-1", "main", 5)


@pytest.fixture
def transfer() -> Transfer:
    """Four of A-1 and five of B-1, from `main` to `west`."""
    return services.create_transfer(source="main", target="west", lines=[("A-1", 4), ("B-1", 5)])


def page(name: str) -> str:
    return reverse(f"admin:inventory_transfer_{name}", args=[Transfer.objects.get().pk])


def plan(*lines: tuple[str, str]) -> dict[str, Any]:
    """What the form of a new transfer sends."""
    source, target = (Location.objects.get(code=code).pk for code in ("main", "west"))
    sent: dict[str, Any] = {"source": source, "target": target, "reference": "T-7"}
    sent |= {"lines-TOTAL_FORMS": len(lines), "lines-INITIAL_FORMS": 0}
    for index, (sku, quantity) in enumerate(lines):
        sent |= {f"lines-{index}-sku": sku, f"lines-{index}-quantity": quantity}
    return sent


def buttons(client: Client) -> list[str]:
    """What the transfer's page offers to do."""
    return [button["title"] for button in client.get(page("change")).context["actions_detail"]]


def at_west() -> list[tuple[int, int]]:
    """What is on hand and incoming there."""
    levels = StockLevel.objects.filter(location__code="west").order_by("variant__sku")
    return list(levels.values_list("on_hand", "incoming"))


def test_a_transfer_is_planned_with_scanned_and_typed_lines():
    response = superuser().post(f"{LIST}add/", plan(("4006381333931", "4"), ("b-1", "5"), ("", "")), follow=True)

    transfer = Transfer.objects.get()
    lines = transfer.lines.values_list("variant__sku", "quantity")
    assert (transfer.source.code, transfer.target.code, transfer.reference) == ("main", "west", "T-7")
    assert list(lines) == [("A-1", 4), ("B-1", 5)]
    assert said(response) == [f"Transfer {transfer.pk} is planned; nothing has moved yet."]
    assert response.redirect_chain == [(page("change"), 302)]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([("NOPE", "1")], "There is no SKU and no barcode NOPE."),
        ([("A-1", "")], "This field is required."),
        ([("A-1", "1"), ("a-1", "2")], "A-1 stands in an earlier line."),
        ([("", "")], "This field is required."),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_the_form(lines: list[tuple[str, str]], error: str):
    response = superuser().post(f"{LIST}add/", plan(*lines))

    assert response.status_code == 200
    assert error in response.content.decode()
    assert Transfer.objects.count() == 0


def test_the_buttons_are_those_of_the_state(transfer: Transfer):
    client = superuser()
    planned = buttons(client)
    services.ship_transfer(transfer_id=transfer.pk)
    moving = buttons(client)
    services.receive_transfer(transfer_id=transfer.pk)

    assert (planned, moving, buttons(client)) == (
        ["Ship", "Cancel transfer"],
        ["Receive", "Cancel transfer"],
        [],
    )


def test_shipping_moves_stock_in_the_name_of_who_did_it(transfer: Transfer):
    response = superuser("anna").post(page("ship"), SURE, follow=True)

    assert said(response) == [f"Transfer {transfer.pk} is on its way."]
    assert at_west() == [(0, 4), (0, 5)]
    assert StockMovement.objects.latest("id").actor == "user:anna"


def test_a_shipment_that_the_source_has_not_enough_for_says_of_what(transfer: Transfer):
    set_stock("A-1", "main", 3)

    response = superuser().post(page("ship"), SURE)

    assert response.context["form"].non_field_errors() == ["3 of A-1 are available at main, 4 were asked for."]
    assert Transfer.objects.get().status == "draft"


def receipt(transfer: Transfer, *units: int, rest: str = "") -> dict[str, Any]:
    """What the page of a receipt sends."""
    lines = transfer.lines.order_by("pk")
    return {"rest": rest, **{f"line_{line.pk}": each for line, each in zip(lines, units, strict=True)}}


def test_a_receipt_begins_with_all_that_is_in_transit(transfer: Transfer):
    services.ship_transfer(transfer_id=transfer.pk)

    form = superuser().get(page("receive")).context["form"]

    rows = [(sku, shown, field.value()) for sku, _, shown, field in form.table().rows]
    assert rows == [("A-1", 4, "4"), ("B-1", 5, "5")]


def test_what_has_not_come_stays_in_transit_or_is_lost(transfer: Transfer):
    services.ship_transfer(transfer_id=transfer.pk)
    client = superuser()

    client.post(page("receive"), receipt(transfer, 3, 0))
    between = at_west()
    over = client.post(page("receive"), receipt(transfer, 9, 5))
    client.post(page("receive"), receipt(transfer, 0, 5, rest="damage"))

    assert between == [(3, 1), (0, 5)]
    assert over.context["form"].non_field_errors() == ["1 of A-1 are in transit, 9 would be received."]
    assert at_west() == [(3, 0), (5, 0)]
    assert Transfer.objects.get().status == "received"
    assert find_mismatches() == []


def test_cancelling_puts_back_what_is_in_transit(transfer: Transfer):
    services.ship_transfer(transfer_id=transfer.pk)

    superuser().post(page("cancel"), SURE)

    assert at_west() == [(0, 0), (0, 0)]
    assert StockLevel.objects.get(variant__sku="A-1", location__code="main").on_hand == 10


@pytest.mark.parametrize("name", ["ship", "receive", "cancel"])
def test_without_the_permission_one_only_looks(transfer: Transfer, name: str):
    client = staff_with("inventory.view_transfer")

    seen, refused = client.get(page("change")), client.post(page(name), SURE)
    added = client.post(f"{LIST}add/", plan(("A-1", "1")))

    assert (seen.status_code, refused.status_code, added.status_code) == (200, 403, 403)
    assert "Ship" not in [button["title"] for button in seen.context["actions_detail"]]
    assert Transfer.objects.get().status == "draft"


def test_a_transfer_is_neither_edited_nor_deleted(transfer: Transfer):
    client = superuser()

    edited = client.post(page("change"), {"reference": "other", "status": "received"})
    deleted = client.post(page("delete"), {"post": "yes"})

    assert (edited.status_code, deleted.status_code) == (403, 403)
    assert (Transfer.objects.get().status, Transfer.objects.get().reference) == ("draft", "")


@pytest.mark.parametrize(("query", "count"), [("T-7", 1), ("b-1", 1), ("nothing", 0)])
def test_transfers_are_searched_by_reference_and_sku(query: str, count: int):
    lines = [("A-1", 4), ("B-1", 5)]
    services.create_transfer(source="main", target="west", lines=lines, reference="T-7")

    found = superuser().get(LIST, {"q": query}).context["cl"].result_list

    assert len(found) == count
    assert [(row.skus_count, row.units_count) for row in found] == [(2, 9)] * count
