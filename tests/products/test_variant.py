"""`PATCH /api/v1/products/variants/{id}/`: one variant by itself."""

import pytest

from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, make_variant, set_stock
from tests.products.recorded import recorded

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def lamp() -> Product:
    return make_product("A-1", status="active", cost="3.00")


def patch(client: JSONClient, pk: int, **change: object):
    return client.patch(f"/api/v1/products/variants/{pk}/", change)


def test_a_price_changes_without_the_rest(editor: JSONClient, lamp: Product):
    set_stock("A-1", make_location(), 3)
    variant = lamp.variants.get()

    response = patch(editor, variant.pk, price="12.00")

    assert (response.status_code, response.json()) == (
        200,
        {
            "id": variant.pk,
            "product": lamp.pk,
            "sku": "A-1",
            "barcode": "",
            "name": "",
            "price": "12.00",
            "currency": "USD",
            "compare_at_price": None,
            "cost": "3.00",
            "weight_grams": None,
            "options": {},
            "position": 0,
            "stock": {"on_hand": 3, "reserved": 0, "available": 3},
            "is_archived": False,
            "version": 2,
        },
    )
    assert recorded()[-1] == ("product.updated", f"product:{lamp.pk}")


def test_what_changes_nothing_is_no_change(editor: JSONClient, lamp: Product):
    assert patch(editor, lamp.variants.get().pk, price="10").json()["version"] == 1
    assert len(recorded()) == 2


def test_null_clears(editor: JSONClient, lamp: Product):
    variant = lamp.variants.get()
    patch(editor, variant.pk, name="Red", barcode="x", weight_grams=3)

    body = patch(editor, variant.pk, name=None, barcode=None, weight_grams=None, cost=None, options=None).json()

    assert (body["name"], body["barcode"], body["weight_grams"], body["cost"]) == ("", "", None, None)


@pytest.mark.parametrize("member", ["sku", "currency", "position"])
def test_null_for_what_a_variant_must_have_is_422(editor: JSONClient, lamp: Product, member: str):
    response = patch(editor, lamp.variants.get().pk, **{member: None})

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"/{member}")


def test_the_rules_of_its_product_hold(editor: JSONClient, lamp: Product):
    response = patch(editor, lamp.variants.get().pk, price=None)

    assert (response.status_code, response.json()["code"]) == (422, "publish_rules_failed")
    assert lamp.variants.get().price == 10


def test_pointers_are_into_the_variant(editor: JSONClient, lamp: Product):
    other = make_variant("A-2", product=lamp)

    taken = patch(editor, other.pk, sku="a-1")
    misfit = patch(editor, other.pk, options={"Colour": "Red"})

    assert [(one["pointer"], one["code"]) for one in taken.json()["errors"]] == [("/sku", "sku_taken")]
    assert (taken.status_code, misfit.status_code) == (409, 422)


def test_the_id_is_the_address(editor: JSONClient, lamp: Product):
    other = make_variant("B-1")

    assert patch(editor, lamp.variants.get().pk, id=other.pk, price="2.00").json()["sku"] == "A-1"
    other.refresh_from_db()
    assert other.price == 10


def test_an_archived_variant_comes_back(editor: JSONClient):
    lamp = make_product(variants=[{"sku": "A-1"}, {"sku": "A-2"}])
    editor.put(f"/api/v1/products/{lamp.pk}/", {"name": "Lamp", "variants": [{"sku": "A-1"}]})

    body = patch(editor, lamp.variants.get(sku="A-2").pk, name="Blue").json()

    assert (body["is_archived"], body["name"], body["version"]) == (False, "Blue", 3)


def test_an_unknown_variant_is_404(editor: JSONClient):
    response = patch(editor, 1, price="1.00")

    assert (response.status_code, response.json()["code"]) == (404, "variant_not_found")


def test_a_storefront_changes_nothing(storefront: JSONClient, lamp: Product):
    assert patch(storefront, lamp.variants.get().pk, price="1.00").status_code == 403
