"""The ledger's pages reverse a movement, or say why they do not."""

import pytest
from django.urls import reverse

from inventory import services
from inventory.models import StockLevel, StockMovement
from tests.factories import make_location, make_product, set_stock
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db


@pytest.fixture
def receipt() -> StockMovement:
    """Five of A-1 came to `main`, where ten were."""
    make_product("A-1")
    make_location("east")
    set_stock("A-1", make_location(), 10)
    services.adjust_stock(sku="A-1", location="main", delta=5, reason="receipt")
    return StockMovement.objects.latest("id")


def page(movement: StockMovement, name: str = "change") -> str:
    return reverse(f"admin:inventory_stockmovement_{name}", args=[movement.pk])


def test_a_movement_is_reversed_after_a_confirmation(receipt: StockMovement) -> None:
    client = superuser("anna")
    assert page(receipt, "reverse_movement") in client.get(page(receipt)).content.decode()
    asked = client.get(page(receipt, "reverse_movement"))
    assert "one more movement, of −5" in asked.content.decode()

    response = client.post(page(receipt, "reverse_movement"), {"note": "Twice"}, follow=True)

    assert said(response) == ["A-1 Lamp at Main: 15 → 10 on hand (−5, Correction)."]
    reversal = StockMovement.objects.latest("id")
    assert (reversal.reverses_id, reversal.note, reversal.actor) == (receipt.pk, "Twice", "user:anna")
    assert page(receipt, "reverse_movement") not in response.content.decode()


def test_what_cannot_be_reversed_says_why(receipt: StockMovement) -> None:
    services.move_stock(sku="A-1", source="main", target="east", quantity=4)
    moved = StockMovement.objects.latest("id")
    client = superuser()

    response = client.post(page(moved, "reverse_movement"), follow=True)

    assert said(response) == [
        "It cannot be reversed. It belongs to a transfer: cancel the transfer, or move the units back."
    ]
    assert page(moved, "reverse_movement") not in client.get(page(moved)).content.decode()


def test_what_is_promised_is_refused_at_the_form(receipt: StockMovement) -> None:
    services.adjust_stock(sku="A-1", location="main", delta=-12, reason="sale")

    response = superuser().post(page(receipt, "reverse_movement"), {"note": ""})

    assert response.context["form"].non_field_errors() == ["3 of A-1 are available at main, 5 were asked for."]
    assert StockLevel.objects.get(location__code="main").on_hand == 3


def test_those_who_may_only_look_reverse_nothing(receipt: StockMovement) -> None:
    client = staff_with("inventory.view_stockmovement", "inventory.view_stocklevel")

    shown, refused = client.get(page(receipt)), client.post(page(receipt, "reverse_movement"), {"note": ""})

    assert (shown.status_code, refused.status_code) == (200, 403)
    assert page(receipt, "reverse_movement") not in shown.content.decode()
    assert StockMovement.objects.count() == 2
