"""Pictures on a product's page in the admin."""

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from products import services
from products.models import ImageStatus, Product, ProductImage
from tests.factories import make_product
from tests.products.pictures import file_of, make_image, picture
from tests.products.recorded import recorded
from tests.staff import form_of, staff_with, superuser

pytestmark = pytest.mark.django_db


@pytest.fixture
def product() -> Product:
    return make_product("A-1")


def page(product: Product) -> str:
    return reverse("admin:products_product_change", args=[product.pk])


def send(client: Any, product: Product, **changes: Any) -> Any:
    return client.post(page(product), {**form_of(client.get(page(product))), **changes})


def test_several_pictures_are_added_at_once(product: Product):
    client = superuser()

    response = send(
        client, product, new_images=[file_of(picture(color=color), f"{color}.jpg") for color in ("red", "blue")]
    )

    assert response.status_code == 302
    assert [(image.position, image.status) for image in product.images.all()] == [(0, "ready"), (1, "ready")]
    content = client.get(page(product)).content.decode()
    for image in product.images.all():
        assert f'src="/media/{image.image_file.file.name}"' in content


def test_a_bad_picture_is_named_and_none_is_added(product: Product):
    client = superuser()
    before = recorded()

    response = send(
        client, product, name="Other", new_images=[file_of(picture(), "a.jpg"), file_of(b"<svg/>", "b.jpg")]
    )

    errors = response.context["adminform"].form.errors["new_images"]
    assert errors == ["b.jpg: A picture is a JPEG, PNG, WebP, GIF or AVIF; this is none of them."]
    assert not ProductImage.objects.exists()
    assert recorded() == before


def test_text_and_order_are_changed_and_an_image_is_deleted(product: Product):
    make_image(product, "red")
    make_image(product, "green")
    blue = make_image(product, "blue")
    changes = {"images-0-DELETE": "on", "images-1-alt": "A green lamp", "images-2-position": "0"}

    response = send(superuser(), product, **changes)

    assert response.status_code == 302
    assert [(image.pk == blue.pk, image.alt, image.position) for image in product.images.all()] == [
        (True, "", 0),
        (False, "A green lamp", 1),
    ]


def test_what_was_not_touched_is_not_written(product: Product):
    make_image(product)
    before = recorded()

    assert send(superuser(), product).status_code == 302

    assert recorded() == before


def test_a_picture_that_could_not_be_fetched_says_why(product: Product):
    image, _ = services.add_image_url(product_id=product.pk, url="https://a.example/a.png")
    ProductImage.objects.filter(pk=image.pk).update(status=ImageStatus.FAILED, error="The server answered 404.")

    content = superuser().get(page(product)).content.decode()

    assert "https://a.example/a.png" in content
    assert "The server answered 404." in content


def test_a_user_that_may_only_view_adds_nothing(product: Product, monkeypatch: pytest.MonkeyPatch):
    make_image(product)
    client = staff_with("products.view_product", "products.view_variant")
    monkeypatch.setattr(services, "store_pictures", None)

    seen = client.get(page(product))
    response = client.post(page(product), {"new_images": file_of(picture(color="blue"))})

    assert seen.status_code == 200
    assert response.status_code == 403
    assert ProductImage.objects.count() == 1


def test_a_user_that_may_change_products_may_change_their_images(product: Product):
    make_image(product)
    client = staff_with("products.view_product", "products.change_product", "products.view_variant")

    assert send(client, product, **{"images-0-alt": "Red"}).status_code == 302
    assert product.images.get().alt == "Red"


@pytest.mark.django_db(transaction=True)
def test_pictures_are_checked_before_the_transaction_of_the_page(product: Product, monkeypatch: pytest.MonkeyPatch):
    inside: list[bool] = []
    store = services.store_pictures
    monkeypatch.setattr(
        services, "store_pictures", lambda **more: (inside.append(connection.in_atomic_block), store(**more))[1]
    )

    response = send(superuser(), product, new_images=[file_of(picture())])

    assert (response.status_code, inside) == (302, [False])
