"""Pictures on a product's page in the admin."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pms_backend.access.models import AuditEntry
from pms_backend.events.models import Event
from products import services
from products.exceptions import ImageNotFound
from products.images.limits import MAX_IMAGE_BYTES
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
    """Sends the form of the page."""
    return client.post(page(product), {**form_of(client.get(page(product))), **changes})


def pictures(product: Product) -> str:
    return reverse("admin:products_product_pictures", args=[product.pk])


def change(client: Any, product: Product, do: str, **values: Any) -> Any:
    return client.post(pictures(product), {"do": do, **values})


def order_of(product: Product) -> list[int]:
    return list(product.images.order_by("position", "pk").values_list("pk", flat=True))


def test_each_picture_is_added_by_a_request_of_its_own_that_answers_the_cards(product: Product):
    client = superuser("anna")

    answers = [
        change(client, product, "add", file=file_of(picture(color=color), f"{color}.jpg")) for color in ("red", "blue")
    ]

    assert [(answer.status_code, answer.json()["message"]) for answer in answers] == [
        (200, "red.jpg is added."),
        (200, "blue.jpg is added."),
    ]
    assert [(image.position, image.status) for image in product.images.all()] == [(0, "ready"), (1, "ready")]
    for image in product.images.all():
        assert f'src="/media/{image.image_file.file.name}"' in answers[1].json()["cards"]
    assert answers[1].json()["cards"].count("Main picture") == 1
    assert Event.objects.latest("id").actor == "user:anna"


def test_a_picture_that_is_there_already_is_not_added_twice(product: Product):
    client = superuser()
    change(client, product, "add", file=file_of(picture()))

    again = change(client, product, "add", file=file_of(picture(), "again.jpg"))

    assert again.json()["message"] == "again.jpg is there already."
    assert product.images.count() == 1


@pytest.mark.parametrize(
    ("file", "status", "message"),
    [
        (file_of(b"<svg/>"), 422, "A picture is a JPEG, PNG, WebP, GIF or AVIF; this is none of them."),
        (
            file_of(bytes(MAX_IMAGE_BYTES + 1)),
            422,
            "A picture has at most 20 MiB, and twice that when it is written anew.",
        ),
        ("", 422, "No file was sent."),
    ],
)
def test_a_refused_file_says_why(product: Product, file: Any, status: int, message: str):
    before = recorded()

    answer = change(superuser(), product, "add", file=file)

    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert not ProductImage.objects.exists()
    assert recorded() == before


def test_the_whole_order_is_one_change_of_the_product(product: Product):
    red, green, blue = (make_image(product, color).pk for color in ("red", "green", "blue"))
    version = Product.objects.get().version

    answer = change(superuser(), product, "order", picture=[blue, red, green])

    assert answer.json()["message"] == "The order is saved."
    assert order_of(product) == [blue, red, green]
    assert Product.objects.get().version == version + 1
    assert AuditEntry.objects.latest("id").changes == [
        {"field": f"images[{key}].position", "from": before, "to": after}
        for key, before, after in ((blue, 2, 0), (red, 0, 1), (green, 1, 2))
    ]
    assert [image["id"] for image in Event.objects.latest("id").data["product"]["images"]] == [blue, red, green]


def test_a_picture_that_the_page_does_not_know_yet_comes_last(product: Product):
    red, green, blue = (make_image(product, color).pk for color in ("red", "green", "blue"))

    services.order_images(product_id=product.pk, image_ids=[green, red])

    assert order_of(product) == [green, red, blue]


def test_the_same_order_again_writes_nothing(product: Product):
    keys = [make_image(product, color).pk for color in ("red", "green")]
    before = recorded()

    services.order_images(product_id=product.pk, image_ids=keys)

    assert recorded() == before


def test_an_order_with_the_id_0_is_refused(product: Product):
    red, green = (make_image(product, color).pk for color in ("red", "green"))

    with pytest.raises(ImageNotFound):
        services.order_images(product_id=product.pk, image_ids=[green, red, 0])

    assert order_of(product) == [red, green]


def test_an_order_with_a_picture_that_is_gone_is_refused_and_the_cards_are_as_they_are(product: Product):
    red, green = (make_image(product, color).pk for color in ("red", "green"))
    services.delete_image(product_id=product.pk, image_id=red)
    before = recorded()

    answer = change(superuser(), product, "order", picture=[green, red])

    assert (answer.status_code, answer.json()["message"]) == (404, f"The product has no image {red}.")
    assert answer.json()["cards"].count("data-picture=") == 1
    assert recorded() == before


def test_an_alt_text_is_changed_and_a_picture_deleted(product: Product):
    red, green = (make_image(product, color).pk for color in ("red", "green"))
    client = superuser()

    described = change(client, product, "describe", picture=green, alt="A green lamp")
    deleted = change(client, product, "delete", picture=red)

    assert (described.json()["message"], deleted.json()["message"]) == (
        "The alt text is saved.",
        "The picture is deleted.",
    )
    assert [(image.pk, image.alt) for image in product.images.all()] == [(green, "A green lamp")]


@pytest.mark.parametrize(
    ("alt", "message"), [("x" * 513, "Ensure this value has at most 512"), ("\0", "Null characters")]
)
def test_an_alt_text_that_cannot_be_stored_is_refused(product: Product, alt: str, message: str):
    image = make_image(product)

    answer = change(superuser(), product, "describe", picture=image.pk, alt=alt)

    assert answer.status_code == 422
    assert answer.json()["message"].startswith(message)
    assert product.images.get().alt == ""


def test_saving_the_page_leaves_the_pictures(product: Product):
    make_image(product)
    before = recorded()

    response = send(superuser(), product)

    assert response.status_code == 302
    assert recorded() == before


def test_a_picture_that_could_not_be_fetched_says_why(product: Product):
    image, _ = services.add_image_url(product_id=product.pk, url="https://a.example/a.png")
    ProductImage.objects.filter(pk=image.pk).update(status=ImageStatus.FAILED, error="The server answered 404.")

    content = superuser().get(page(product)).content.decode()

    assert "https://a.example/a.png" in content
    assert "The server answered 404." in content


def test_a_user_that_may_only_view_sees_the_pictures_and_changes_nothing(product: Product):
    image = make_image(product, alt="A red lamp")
    client = staff_with("products.view_product", "products.view_variant")

    content = client.get(page(product)).content.decode()
    answers = [
        change(client, product, "add", file=file_of(picture(color="blue"))),
        change(client, product, "delete", picture=image.pk),
        client.post(page(product), {"new_images": file_of(picture(color="blue"))}),
    ]

    assert "A red lamp" in content
    assert "data-drop-zone" not in content
    assert "data-delete" not in content
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert ProductImage.objects.get().pk == image.pk


def test_a_user_that_may_change_products_may_change_their_pictures(product: Product):
    image = make_image(product)
    client = staff_with("products.view_product", "products.change_product", "products.view_variant")

    assert change(client, product, "describe", picture=image.pk, alt="Red").status_code == 200
    assert product.images.get().alt == "Red"


def test_the_page_costs_the_same_for_any_number_of_pictures(product: Product):
    client = superuser()

    def queries_of_the_page() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(page(product))
        return len(queries)

    make_image(product)
    # The first request fills caches.
    queries_of_the_page()
    first = queries_of_the_page()
    for color in ("green", "blue"):
        make_image(product, color)

    assert queries_of_the_page() == first


@pytest.mark.django_db(transaction=True)
def test_pictures_are_checked_outside_of_transactions(product: Product, monkeypatch: pytest.MonkeyPatch):
    inside: list[bool] = []
    store = services.store_picture
    monkeypatch.setattr(
        services, "store_picture", lambda **more: (inside.append(connection.in_atomic_block), store(**more))[1]
    )

    answer = change(superuser(), product, "add", file=file_of(picture()))

    assert (answer.status_code, inside) == (200, [False])
