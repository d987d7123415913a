"""A product is created on one page of the admin: texts, options, variants, prices and pictures."""

from decimal import Decimal

import pytest
from django.utils import translation

from pms_backend.events.models import Event
from products import services
from products.models import Product, ProductImage, ProductStatus, Variant
from tests.factories import make_product
from tests.products.admin_pages import ADD, errors_of, page, rows_of, send
from tests.products.pictures import file_of, picture
from tests.products.recorded import recorded
from tests.staff import form_of, member_of, said, staff_with, superuser

pytestmark = pytest.mark.django_db

SIZES = [{"name": "Size", "values": ["S", "M"]}]


def test_a_simple_product_is_made_in_one_step():
    category, client = services.create_category(name="Lights"), superuser("anna")
    row = {"sku": " LAMP-1 ", "price": "1,250.50", "cost": "4.00", "barcode": "4006381333931", "weight_grams": "1,500"}

    response = send(client, ADD, row, name="Lamp", brand="Acme", tags="new, red", category=category.pk)

    product = Product.objects.get()
    values = ("sku", "price", "cost", "barcode", "weight_grams", "currency", "options", "position")
    assert response["Location"] == page(product)
    assert said(client.get(page(product))) == ["Lamp is saved as a draft. Complete it here, then publish it."]
    assert (product.name, product.brand, product.tags, product.category) == ("Lamp", "Acme", ["new", "red"], category)
    assert (product.status, product.handle, product.options) == (ProductStatus.DRAFT, "lamp", [])
    assert Variant.objects.values_list(*values).get() == (
        *("LAMP-1", Decimal("1250.50"), Decimal("4.00"), "4006381333931", 1500, "USD"),
        *({}, 0),
    )
    assert recorded()[1:] == [("product.created", f"product:{product.pk}")]
    assert Event.objects.latest("id").actor == "user:anna"


def test_options_and_their_variants_are_made_by_one_call():
    rows = [
        {"sku": f"TEA-{size}", "price": price, "options": {"Size": size}}
        for size, price in (("S", "9.90"), ("M", "12.50"))
    ]

    send(superuser(), ADD, *rows, name="Tea", options=SIZES)

    product = Product.objects.get()
    assert product.options == SIZES
    assert list(product.variants.values_list("sku", "options", "price")) == [
        ("TEA-S", {"Size": "S"}, Decimal("9.90")),
        ("TEA-M", {"Size": "M"}, Decimal("12.50")),
    ]
    assert len(recorded()) == 1


def test_pictures_are_sent_with_the_new_product():
    client = superuser()
    sent = form_of(client.get(ADD)) | {"name": "Tea", "variants-TOTAL_FORMS": "1", "variants-0-sku": "TEA"}

    client.post(ADD, {**sent, "new_images": [file_of(picture(color="red")), file_of(picture(color="blue"))]})

    assert ProductImage.objects.filter(product__name="Tea").count() == 2


def test_pictures_of_a_refused_save_are_to_be_chosen_again():
    client = superuser()
    sent = form_of(client.get(ADD)) | {"name": "Tea", "variants-TOTAL_FORMS": "1", "variants-0-sku": ""}

    without, refused = (client.post(ADD, sent | more) for more in ({}, {"new_images": [file_of(picture())]}))

    texts = ["Choose the pictures again." in response.content.decode() for response in (without, refused)]
    assert texts == [False, True]
    assert not ProductImage.objects.exists()


@pytest.mark.parametrize(
    ("row", "errors"),
    [
        ({}, {"sku": ["This field is required."]}),
        ({"sku": "a-1"}, {"sku": ["Lamp has this SKU."]}),
        ({"sku": "B", "price": "12,50"}, {"price": ["Enter a number, such as 1,250.50."]}),
        ({"sku": "B", "price": "-1"}, {"price": ["Ensure this value is greater than or equal to 0."]}),
        ({"sku": "\u200b"}, {"sku": ["A SKU has a character that can be seen."]}),
        ({"sku": "B", "options": {"Size": "S"}, "barcode": "4006381333930"}, {"barcode": []}),
        ({"sku": "B", "options": ["S"]}, {"options": ['Expected a dictionary of items but got type "list".']}),
    ],
)
def test_an_error_stands_at_its_field_and_nothing_is_made(row: dict[str, object], errors: dict[str, list[str]]):
    make_product("A-1")

    response = send(superuser(), ADD, row, name="Tea")

    (found,) = errors_of(response)
    assert response.status_code == 200
    assert found.keys() == errors.keys()
    assert [found[name] for name in errors if errors[name]] == [texts for texts in errors.values() if texts]
    assert (Product.objects.count(), len(recorded())) == (1, 1)


def test_two_rows_with_one_sku_are_both_named():
    response = send(superuser(), ADD, {"sku": "TEA"}, {"sku": "tea"}, name="Tea")

    assert errors_of(response) == [{"sku": ["Another row has this SKU."]}] * 2
    assert not Product.objects.exists()


def test_a_refusal_of_the_service_stands_at_its_row_and_keeps_what_was_typed():
    rows = [{"sku": "TEA-S", "options": {"Size": "S"}}, {"sku": "TEA-L", "options": {"Size": "L"}}]

    response = send(superuser(), ADD, *rows, name="Tea", options=SIZES)

    assert errors_of(response) == [{}, {"options": ["The value of Size of TEA-L is not a value of that option."]}]
    assert response.context_data["adminform"].form.non_field_errors() == []
    assert rows_of(response).forms[1]["sku"].value() == "TEA-L"
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([{"name": "Size", "values": []}], "This list may not be empty."),
        ([{"name": "Size", "values": ["S"]}, {"name": "size", "values": ["S"]}], "An option of this name stands here"),
        ("{", "Enter a valid JSON."),
    ],
)
def test_options_follow_the_rules_of_the_api(options: object, error: str):
    response = send(superuser(), ADD, {"sku": "TEA"}, name="Tea", options=options)

    assert error in response.context_data["adminform"].form.errors["options"][0]
    assert not Product.objects.exists()


def test_a_product_without_any_row_is_refused():
    response = send(superuser(), ADD, name="Tea")

    assert rows_of(response).non_form_errors() == ["A product has at least one variant."]
    assert not Product.objects.exists()


def test_a_price_is_read_in_the_language_of_the_page():
    client = superuser()
    client.cookies["django_language"] = "de"

    with translation.override("de"):
        send(client, ADD, {"sku": "TEA", "price": "1.250,50"}, name="Tee")

    assert Variant.objects.get().price == Decimal("1250.50")


def test_a_new_product_can_be_followed_by_another_one():
    response = send(superuser(), ADD, {"sku": "TEA"}, name="Tea", _addanother="")

    assert response["Location"] == ADD


@pytest.mark.parametrize("name", ["Viewer", "Counter", "Warehouse"])
def test_a_role_that_only_views_makes_no_product(name: str):
    client = member_of(name)

    answers = [client.get(ADD).status_code, client.post(ADD, {"name": "Tea"}).status_code]

    assert answers == [403, 403]
    assert not Product.objects.exists()


def test_the_role_catalogue_makes_products_and_sees_cost():
    response = send(member_of("Catalogue"), ADD, {"sku": "TEA", "cost": "4.00"}, name="Tea")

    assert response.status_code == 302
    assert Variant.objects.get().cost == 4


def test_who_does_not_see_cost_sets_none():
    rights = ("add_product", "view_product", "change_product", "add_variant", "view_variant", "change_variant")
    client = staff_with(*(f"products.{name}" for name in rights))

    send(client, ADD, {"sku": "TEA", "cost": "4.00"}, name="Tea")

    assert "cost" not in rows_of(client.get(ADD)).empty_form.fields
    assert Variant.objects.get().cost is None
