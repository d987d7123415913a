"""The admin of the catalogue: texts, prices and publishing of products, and categories."""

from decimal import Decimal

import pytest
from django.urls import reverse

from pms_backend.events.models import Event
from products import services
from products.models import Category, Product, ProductStatus
from tests.factories import make_product
from tests.staff import form_of, said, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/products/product/"


def page(product: Product) -> str:
    return reverse("admin:products_product_change", args=[product.pk])


def types_of(product: Product) -> list[str]:
    return list(Event.objects.filter(subject=f"product:{product.pk}").order_by("id").values_list("type", flat=True))


@pytest.mark.parametrize("query", ["lam", "a-1", "4006381333931", "acme", "my-lamp"])
def test_a_product_is_found_by_name_sku_barcode_brand_and_handle(query: str):
    make_product("A-1", brand="Acme", handle="my-lamp", barcode="4006381333931")
    make_product("B-2", name="Chair")

    found = superuser().get(LIST, {"q": query}).context["cl"].result_list

    assert [product.name for product in found] == ["Lamp"]


def test_an_edit_is_one_update_of_product_and_variants():
    category = services.create_category(name="Lights")
    product, client = make_product("A-1", tags=["old"]), superuser("anna")
    sent = form_of(client.get(page(product)))
    edited = {"name": "Lamp 2", "brand": "Acme", "tags": "a, b", "category": category.pk, "variants-0-price": "12.50"}

    response = client.post(page(product), {**sent, **edited})

    product.refresh_from_db()
    assert response.status_code == 302
    assert (product.name, product.brand, product.tags, product.category) == ("Lamp 2", "Acme", ["a", "b"], category)
    assert product.variants.get().price == Decimal("12.50")
    assert product.version == 2
    assert types_of(product) == ["product.created", "product.updated"]
    assert Event.objects.latest("id").actor == "user:anna"


def test_what_was_not_edited_is_not_written():
    product, client = make_product("A-1", brand="Acme", description="Bright"), superuser()

    client.post(page(product), form_of(client.get(page(product))))

    product.refresh_from_db()
    assert (product.version, product.brand, product.description) == (1, "Acme", "Bright")
    assert types_of(product) == ["product.created"]


def test_publishing_saves_and_publishes():
    product, client = make_product("A-1"), superuser()
    sent = {**form_of(client.get(page(product))), "name": "Bright lamp", "products_product_publish": ""}

    response = client.post(page(product), sent, follow=True)

    product.refresh_from_db()
    assert (product.status, product.name) == (ProductStatus.ACTIVE, "Bright lamp")
    assert "Bright lamp is published." in said(response)


def test_an_active_product_does_not_lose_its_price():
    product, client = make_product("A-1", status="active"), superuser()

    response = client.post(page(product), {**form_of(client.get(page(product))), "variants-0-price": ""})

    assert response.status_code == 200
    assert product.variants.get().price == Decimal("10.00")


@pytest.mark.parametrize(
    ("status", "buttons"),
    [("draft", {"publish", "archive"}), ("active", {"unpublish", "archive"}), ("archived", {"restore"})],
)
def test_a_product_has_the_buttons_of_its_status(status: str, buttons: set[str]):
    product = make_product("A-1", status="active" if status == "active" else "draft")
    if status == "archived":
        services.archive_product(product_id=product.pk)

    response = superuser().get(page(product))

    names = {button.action_name for button in response.context["actions_submit_line"]}
    assert names == {f"products_product_{button}" for button in buttons}


def test_without_the_permission_pages_are_read_only():
    product, client = make_product("A-1"), staff_with("products.view_product")

    seen = client.get(page(product))
    refused = client.post(page(product), {"name": "Mine", "products_product_publish": ""})
    client.post(LIST, {"action": "change_status", "status": "publish", "apply": "1", "_selected_action": [product.pk]})

    product.refresh_from_db()
    assert (seen.status_code, refused.status_code) == (200, 403)
    assert (product.name, product.status) == ("Lamp", "draft")


def test_products_are_not_deleted():
    product = make_product("A-1")

    deleted = superuser().post(reverse("admin:products_product_delete", args=[product.pk]), {"post": "yes"})

    assert deleted.status_code == 403
    assert Product.objects.count() == 1


def test_categories_are_created_moved_and_deleted_by_the_service():
    client = superuser()
    add = reverse("admin:products_category_add")
    client.post(add, {"name": "Home", "slug": "", "parent": ""})
    home = Category.objects.get(slug="home")
    client.post(add, {"name": "Lights", "slug": "", "parent": home.pk})
    lights = Category.objects.get(slug="lights")

    change = reverse("admin:products_category_change", args=[lights.pk])
    client.post(change, {"name": "Lamps", "slug": "lights", "parent": ""})
    client.post(reverse("admin:products_category_delete", args=[home.pk]), {"post": "yes"})

    lights.refresh_from_db()
    assert (lights.name, lights.parent) == ("Lamps", None)
    assert list(Category.objects.all()) == [lights]
    assert Event.objects.filter(type="category.changed").count() == 4


def test_a_category_does_not_move_into_itself():
    home = services.create_category(name="Home")
    lights = services.create_category(name="Lights", parent=home)

    change = reverse("admin:products_category_change", args=[home.pk])
    response = superuser().post(change, {"name": "Home", "slug": "home", "parent": lights.pk})

    home.refresh_from_db()
    assert response.context["adminform"].form.errors
    assert home.parent is None


def test_a_category_in_use_stays():
    category = services.create_category(name="Lights")
    make_product("A-1", category="lights")

    sent = {"action": "delete_selected", "_selected_action": [category.pk], "post": "yes"}
    superuser().post("/admin/products/category/", sent)

    assert Category.objects.count() == 1
