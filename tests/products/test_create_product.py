"""`POST /api/v1/products/`."""

from decimal import Decimal
from functools import partial

import pytest

from pms_backend.events.models import Event
from products import services
from products.exceptions import SkuTaken
from products.models import Category, Product, Variant
from products.serializers import ProductInputSerializer
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.products.recorded import recorded

pytestmark = pytest.mark.database

PRODUCTS = "/api/v1/products/"

WHOLE = {
    "handle": "desk-lamp",
    "name": "Lamp",
    "description": " for desks ",
    "brand": "Lux",
    "status": "active",
    "category": "lights",
    "tags": ["new", "led"],
    "attributes": {"watts": 5, "colours": ["red"]},
    "options": [{"name": "Colour", "values": ["Red", "Blue"]}],
    "variants": [
        {
            "sku": "A-1", "barcode": "4006381333931", "name": "Red", "price": "10.5", "currency": "eur",
            "compare_at_price": "12.00", "cost": "3.00", "weight_grams": 250, "options": {"Colour": "Red"},
        },
        {"sku": "A-2", "price": "11.00", "options": {"Colour": "Blue"}, "position": 7},
    ],
}  # fmt: skip


@pytest.mark.django_db
def test_a_product_is_made_whole(editor: JSONClient):
    Category.objects.create(name="Lights", slug="lights")

    response = editor.post(PRODUCTS, WHOLE)

    assert response.status_code == 201, response.content
    body = response.json()
    red, blue = body.pop("variants")
    product = Product.objects.get()
    moments = {name: body.pop(name) for name in ("created_at", "updated_at", "published_at")}
    assert len(set(moments.values())) == 1
    assert body == {
        "id": product.pk,
        "handle": "desk-lamp",
        "name": "Lamp",
        "description": " for desks ",
        "brand": "Lux",
        "status": "active",
        "publish_at": None,
        "unpublish_at": None,
        "category": "lights",
        "tags": ["new", "led"],
        "attributes": {"watts": 5, "colours": ["red"]},
        "options": [{"name": "Colour", "values": ["Red", "Blue"]}],
        "images": [],
        "version": 1,
    }
    assert red == {
        "id": Variant.objects.get(sku="A-1").pk,
        "sku": "A-1",
        "barcode": "4006381333931",
        "name": "Red",
        "price": "10.50",
        "currency": "EUR",
        "compare_at_price": "12.00",
        "cost": "3.00",
        "weight_grams": 250,
        "options": {"Colour": "Red"},
        "position": 0,
        "stock": {"on_hand": 0, "reserved": 0, "available": 0},
    }
    assert (blue["sku"], blue["currency"], blue["position"], blue["cost"]) == ("A-2", "USD", 7, None)


@pytest.mark.django_db
def test_the_events_are_frozen_without_stock_and_cost(editor: JSONClient):
    Category.objects.create(name="Lights", slug="lights")
    editor.post(PRODUCTS, WHOLE)

    subject = f"product:{Product.objects.get().pk}"
    assert recorded() == [("product.created", subject), ("product.published", subject)]
    event = Event.objects.order_by("id")[0]
    assert event.data["product"]["variants"][0]["price"] == "10.50"
    assert not {"cost", "stock"} & set(event.data["product"]["variants"][0])


@pytest.mark.django_db
def test_a_draft_needs_a_name_and_a_sku_only(editor: JSONClient):
    body = editor.post(PRODUCTS, {"name": "Écharpe d'été", "variants": [{"sku": " B-1 "}]}).json()

    assert (body["handle"], body["status"], body["published_at"]) == ("écharpe-dété", "draft", None)
    assert (body["variants"][0]["sku"], body["variants"][0]["price"]) == ("B-1", None)
    assert recorded() == [("product.created", f"product:{body['id']}")]


@pytest.mark.django_db
def test_products_of_one_name_have_handles_of_their_own(editor: JSONClient):
    handles = [
        editor.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": sku}]}).json()["handle"] for sku in ("A", "B", "C")
    ]

    assert handles[0] == "lamp"
    assert len(set(handles)) == 3
    assert all(handle.startswith("lamp-") for handle in handles[1:])


@pytest.mark.django_db
def test_a_name_without_letters_has_a_handle_too(editor: JSONClient):
    handles = [
        editor.post(PRODUCTS, {"name": "!!!", "variants": [{"sku": sku}]}).json()["handle"] for sku in ("A", "B")
    ]

    assert all(handle.startswith("product-") for handle in handles)
    assert len(set(handles)) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"name": None}, "/name", "null"),
        ({"name": "x" * 256}, "/name", "max_length"),
        ({"variants": []}, "/variants", "empty"),
        ({"variants": [{"sku": "A"}, {"sku": "a"}]}, "/variants", "duplicate_sku"),
        ({"variants": [{}]}, "/variants/0/sku", "required"),
        ({"variants": [{"sku": "A", "price": "1.001"}]}, "/variants/0/price", "max_decimal_places"),
        ({"variants": [{"sku": "A", "price": "99999999999"}]}, "/variants/0/price", "max_whole_digits"),
        ({"variants": [{"sku": "A", "price": "NaN"}]}, "/variants/0/price", "invalid"),
        ({"variants": [{"sku": "A", "currency": "EURO"}]}, "/variants/0/currency", "invalid_currency"),
        ({"variants": [{"sku": "A", "weight_grams": -1}]}, "/variants/0/weight_grams", "min_value"),
        ({"status": "sold"}, "/status", "invalid_choice"),
        ({"handle": "!!!"}, "/handle", "invalid"),
        ({"tags": ["x" * 101]}, "/tags/0", "max_length"),
        ({"attributes": {"a": "x" * 65_536}}, "/attributes", "too_large"),
        ({"options": [{"name": "Colour"}]}, "/options/0/values", "required"),
    ],
)
def test_what_is_not_valid_is_named_and_nothing_is_made(editor: JSONClient, change: dict, pointer: str, code: str):
    response = editor.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1"}], **change})

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]
    assert not Product.objects.exists()
    assert recorded() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"category": "nowhere"}, "category_not_found"),
        ({"variants": [{"sku": "A-1", "id": 1}]}, "unknown_variant"),
        ({"status": "active"}, "publish_rules_failed"),
    ],
)
def test_what_a_rule_refuses_is_422_and_nothing_is_made(editor: JSONClient, change: dict, code: str):
    response = editor.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1"}], **change})

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert not Product.objects.exists()
    assert recorded() == []


@pytest.mark.django_db(transaction=True)
def test_a_sku_that_is_taken_in_another_case_is_409(editor: JSONClient):
    make_product("Straße-1")

    response = editor.post(PRODUCTS, {"name": "Other", "variants": [{"sku": "STRASSE-1"}]})

    assert (response.status_code, response.json()["code"]) == (409, "sku_taken")
    assert Product.objects.count() == 1
    assert len(recorded()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_handle_that_is_taken_is_409(editor: JSONClient):
    make_product("A-1", handle="lamp")

    response = editor.post(PRODUCTS, {"name": "Other", "handle": "lamp", "variants": [{"sku": "B-1"}]})

    assert (response.status_code, response.json()["code"]) == (409, "handle_taken")
    assert Product.objects.count() == 1
    assert len(recorded()) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_products_with_one_sku_one_is_refused():
    data = [{"name": name, "variants": [{"sku": sku}]} for name, sku in (("One", "a-1"), ("Two", "A-1"))]
    jobs = [partial(services.create_product, data=ProductInputSerializer().run_validation(row)) for row in data]

    results = at_once(jobs)

    assert sorted(type(result) for result in results if not isinstance(result, Product)) == [SkuTaken]
    assert Product.objects.count() == Variant.objects.count() == 1
    assert len(recorded()) == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_products_with_one_name_are_all_created():
    data = [{"name": "Lamp", "variants": [{"sku": f"A-{number}", "price": Decimal(1)}]} for number in range(4)]

    results = at_once([partial(services.create_product, data=row) for row in data])

    assert [type(result) for result in results] == [Product] * 4
    assert len({product.handle for product in Product.objects.all()}) == 4
    assert len(recorded()) == 4
