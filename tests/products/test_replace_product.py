"""`PUT /api/v1/products/{id}/`: the whole product."""

import pytest

from products.models import Product, Variant
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.products.recorded import recorded

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def lamp() -> Product:
    return make_product(
        name="Lamp",
        handle="lamp",
        status="active",
        brand="Lux",
        description="for desks",
        tags=["new"],
        attributes={"watts": 5},
        variants=[
            {"sku": "A-1", "price": "10.00", "cost": "3.00", "barcode": "x", "options": {"Colour": "Red"}},
            {"sku": "A-2", "price": "11.00", "options": {"Colour": "Blue"}},
        ],
    )


def url(product: Product) -> str:
    return f"/api/v1/products/{product.pk}/"


def put(client: JSONClient, product: Product, **body: object) -> dict:
    response = client.put(url(product), body)
    assert response.status_code == 200, response.content
    return response.json()


def test_omitted_fields_get_their_defaults(editor: JSONClient, lamp: Product):
    body = put(editor, lamp, name="Big lamp", variants=[{"sku": "A-1", "price": "12.00"}])

    assert (body["name"], body["brand"], body["description"], body["category"]) == ("Big lamp", "", "", None)
    assert (body["tags"], body["attributes"], body["options"]) == ([], {}, [])
    assert (body["handle"], body["status"], body["version"]) == ("lamp", "active", 2)
    (variant,) = body["variants"]
    assert (variant["sku"], variant["price"], variant["cost"]) == ("A-1", "12.00", None)
    assert (variant["barcode"], variant["options"], variant["position"]) == ("", {}, 0)
    assert recorded()[2:] == [("product.updated", f"product:{lamp.pk}")]


def test_omitted_variants_are_archived_with_their_stock(editor: JSONClient, lamp: Product):
    set_stock("A-2", make_location(), 3)

    put(editor, lamp, name="Lamp", variants=[{"sku": "A-1", "price": "12.00"}])

    blue = Variant.objects.get(sku="A-2")
    assert (blue.is_archived, blue.product_id, blue.levels.get().on_hand) == (True, lamp.pk, 3)
    assert [one["sku"] for one in editor.get(url(lamp)).json()["variants"]] == ["A-1"]


def test_to_put_what_was_read_changes_nothing(editor: JSONClient, lamp: Product):
    before = editor.get(url(lamp)).json()

    after = put(editor, lamp, **before)

    assert after == before
    assert len(recorded()) == 2


def test_variants_stand_in_the_order_of_the_request(editor: JSONClient, lamp: Product):
    body = put(editor, lamp, name="Lamp", variants=[{"sku": "A-2", "price": "1"}, {"sku": "A-1", "price": "1"}])

    assert [(one["sku"], one["position"]) for one in body["variants"]] == [("A-2", 0), ("A-1", 1)]


@pytest.mark.parametrize("named", ["sku", "id"])
def test_an_archived_variant_comes_back_when_it_is_named(editor: JSONClient, lamp: Product, named: str):
    put(editor, lamp, name="Lamp", variants=[{"sku": "A-1", "price": "12.00"}])
    blue = Variant.objects.get(sku="A-2")

    back = {"sku": "a-2"} if named == "sku" else {"id": blue.pk}
    body = editor.patch(url(lamp), {"variants": [{**back, "options": {}}]}).json()

    assert sorted(one["id"] for one in body["variants"]) == [blue.pk - 1, blue.pk]
    assert body["version"] == 3


@pytest.mark.django_db(transaction=True)
def test_another_product_cannot_have_the_sku_of_an_archived_variant(editor: JSONClient, lamp: Product):
    put(editor, lamp, name="Lamp", variants=[{"sku": "A-1", "price": "12.00"}])

    response = editor.post("/api/v1/products/", {"name": "Other", "variants": [{"sku": "a-2"}]})

    assert (response.status_code, response.json()["code"]) == (409, "sku_taken")
    assert Variant.objects.get(sku="A-2").is_archived


def test_an_archived_variant_does_not_count_for_the_publish_rules(editor: JSONClient):
    lamp = make_product(variants=[{"sku": "A-1"}, {"sku": "A-2", "price": "1.00"}])
    put(editor, lamp, name="Lamp", variants=[{"sku": "A-2", "price": "1.00"}])

    assert editor.post(f"{url(lamp)}publish/").status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"name": "Lamp"}, {"name": "Lamp", "variants": []}, {"variants": [{"sku": "A-1"}]}]
)
def test_an_incomplete_product_is_422(editor: JSONClient, lamp: Product, body: dict):
    response = editor.put(url(lamp), body)

    assert response.status_code == 422
    lamp.refresh_from_db()
    assert lamp.version == 1


def test_a_replacement_that_breaks_a_rule_changes_nothing(editor: JSONClient, lamp: Product):
    response = editor.put(url(lamp), {"name": "Lamp", "variants": [{"sku": "A-1"}]})

    assert (response.status_code, response.json()["code"]) == (422, "publish_rules_failed")
    assert not Variant.objects.filter(is_archived=True).exists()
    assert len(recorded()) == 2


def test_an_archived_product_is_replaced_and_stays_so(editor: JSONClient):
    lamp = make_product(status="archived")

    assert put(editor, lamp, name="Other", variants=[{"sku": "A-1"}])["status"] == "archived"
    response = editor.put(url(lamp), {"name": "Other", "variants": [{"sku": "A-1"}], "status": "draft"})
    assert (response.status_code, response.json()["code"]) == (409, "product_archived")


def test_an_unknown_product_is_404(editor: JSONClient):
    assert editor.put("/api/v1/products/1/", {"name": "x", "variants": [{"sku": "A"}]}).status_code == 404
