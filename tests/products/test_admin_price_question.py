"""The page of a product asks about a price that changes by more than half."""

from decimal import Decimal

import pytest
from django.urls import reverse

from products.models import Product, Variant
from tests.factories import make_product
from tests.products.admin_pages import ADD, errors_of, page, rows_of, send
from tests.staff import superuser

pytestmark = pytest.mark.django_db


@pytest.fixture
def lamp() -> Product:
    return make_product("A-1", price="49.00")


def test_a_slip_is_asked_about_and_nothing_is_changed(lamp: Product):
    response = send(superuser(), page(lamp), rows_0_price="4.90", name="Desk lamp")

    assert errors_of(response) == [{"price": ["49.00 → 4.90: is that right? Save again if it is."]}]
    assert response.context_data["adminform"].form["name"].value() == "Desk lamp"
    lamp.refresh_from_db()
    assert (lamp.name, lamp.version, Variant.objects.get().price) == ("Lamp", 1, Decimal("49.00"))


@pytest.mark.parametrize(("again", "stored"), [("4.90", "4.90"), ("94.90", "49.00")])
def test_the_same_price_sent_again_is_stored_and_another_one_asked_about(lamp: Product, again: str, stored: str):
    client = superuser()
    rows = rows_of(send(client, page(lamp), rows_0_price="4.90"))
    asked = rows.forms[0]["asked_price"].value()

    response = send(client, page(lamp), rows_0_price=again, rows_0_asked_price=asked)

    # The form that was sent may be large: a row refers to it.
    assert rows.forms[0].data.maps[1] is rows.data
    assert response.status_code == (302 if stored == again else 200)
    assert Variant.objects.get().price == Decimal(stored)


@pytest.mark.parametrize("price", ["73.50", "24.50", ""])
def test_half_more_half_less_and_none_are_stored_at_once(lamp: Product, price: str):
    assert send(superuser(), page(lamp), rows_0_price=price).status_code == 302


def test_a_first_price_is_not_asked_about():
    product = make_product("A-1", price=None)

    assert send(superuser(), page(product), rows_0_price="4900.00").status_code == 302
    assert send(superuser("ben"), ADD, {"sku": "B-1", "price": "4900.00"}, name="Chair").status_code == 302


def test_a_variant_that_is_archived_is_not_asked_about(lamp: Product):
    response = send(superuser(), page(lamp), {"sku": "A-2"}, rows_0_price="4.90", rows_0_is_archived="on")

    assert response.status_code == 302
    assert reverse("admin:products_product_changelist") in response["Location"]
