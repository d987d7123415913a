"""The images of a product: uploaded, ordered, described, deleted, and visible to the right callers."""

from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from pms_backend.api.limits import MAX_BODY_BYTES
from pms_backend.events.models import Event
from products import services
from products.images import limits
from products.models import ImageFile, ImageStatus, Product, ProductImage
from products.services import images as images_service
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.products.pictures import file_of, images_url, make_image, opened, picture, png_bomb, post_file
from tests.products.recorded import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def product() -> Product:
    return make_product("A-1", status="active")


def served(client: Any, url: str) -> tuple[Any, bytes]:
    """The response at the URL of a picture, and its content."""
    response = client.get(url)
    content = b"".join(response.streaming_content)
    response.close()
    return response, content


def version_of(product: Product) -> int:
    return Product.objects.values_list("version", flat=True).get(pk=product.pk)


def files() -> list[str]:
    return sorted(name for folder in ("images", "thumbnails") for name in _names(folder))


def _names(folder: str) -> list[str]:
    directories = default_storage.listdir(folder)[0] if default_storage.exists(folder) else []
    return [f"{folder}/{one}/{name}" for one in directories for name in default_storage.listdir(f"{folder}/{one}")[1]]


def test_a_picture_is_uploaded_and_shown(editor: JSONClient, product: Product):
    response = post_file(editor, product, picture(), alt="A red lamp")

    assert response.status_code == 201
    shown = response.json()
    assert shown == {
        "id": shown["id"], "url": shown["url"], "thumbnail_url": None, "alt": "A red lamp", "position": 0,
        "width": 64, "height": 48, "status": "ready", "source_url": "", "error": "",
    }  # fmt: skip
    assert shown["url"].startswith("http://testserver/media/images/")
    assert editor.get(images_url(product)).json() == {"results": [shown]}
    assert opened(served(editor, shown["url"])[1]).size == (64, 48)


def test_the_product_increases_its_version_and_records_an_event(editor: JSONClient, product: Product):
    before = version_of(product)

    post_file(editor, product, picture(), alt="Red")

    event = Event.objects.latest("id")
    (shown,) = event.data["product"]["images"]
    assert version_of(product) == before + 1 == event.data["product"]["version"]
    assert (event.type, event.subject) == ("product.updated", f"product:{product.pk}")
    assert (shown["alt"], shown["width"], shown["thumbnail_url"]) == ("Red", 64, None)
    assert shown["url"].startswith("/media/images/")
    assert set(shown) == {"id", "url", "thumbnail_url", "alt", "position", "width", "height"}


def test_events_of_other_changes_include_images(product: Product):
    make_image(product)

    services.update_product(product_id=product.pk, data={"brand": "Acme"})

    assert len(Event.objects.latest("id").data["product"]["images"]) == 1


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"<svg onload='alert(1)'/>", 422, "image_type_unsupported"),
        (picture()[:300], 422, "image_unreadable"),
        (picture() + b"<script>", 422, "image_polyglot"),
        (png_bomb(60_000, 60_000), 422, "image_too_many_pixels"),
        (picture().ljust(limits.MAX_IMAGE_BYTES + 1, b"\0"), 422, "image_too_large"),
        (b"", 422, "validation_failed"),
    ],
    ids=range(6),
)
def test_an_invalid_picture_is_refused_and_leaves_nothing(
    editor: JSONClient, product: Product, content: bytes, status: int, code: str
):
    before = version_of(product), recorded()

    response = post_file(editor, product, content)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert (version_of(product), recorded()) == before
    assert not ProductImage.objects.exists()
    assert not ImageFile.objects.exists()
    assert files() == []


def test_the_sent_name_and_type_are_ignored(editor: JSONClient, product: Product):
    response = post_file(editor, product, picture("PNG"), name="../../x.html", content_type="text/html")

    assert response.status_code == 201
    assert response.json()["url"].endswith(".png")
    assert served(editor, response.json()["url"])[0]["Content-Type"] == "image/png"


def test_a_body_that_is_too_long_is_413_unread(editor: JSONClient, product: Product, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("django.http.multipartparser.MultiPartParser.parse", None)
    content = picture().ljust(limits.MAX_IMAGE_BODY_BYTES, b"\0")

    response = post_file(editor, product, content)

    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert limits.MAX_IMAGE_BODY_BYTES > MAX_BODY_BYTES


@pytest.mark.parametrize(
    "body", [{}, {"url": "https://a.example/a.png", "upload": "x"}, {"file": "a.png"}, {"url": ""}, {"alt": "x"}]
)
def test_a_picture_has_one_source(editor: JSONClient, product: Product, body: dict[str, Any]):
    response = editor.post(images_url(product), body)

    assert (response.status_code, response.json()["code"]) == (422, "validation_failed")


def test_the_same_picture_at_two_products_is_one_file(editor: JSONClient, product: Product):
    other = make_product("B-1")

    first, second = (post_file(editor, one, picture()).json() for one in (product, other))

    assert first["id"] != second["id"]
    assert first["url"] == second["url"]
    assert ImageFile.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_a_picture_that_is_stored_twice_one_file_stays(editor: JSONClient, product: Product):
    post_file(editor, product, picture())
    post_file(editor, make_product("B-1"), picture())

    assert files() == [ImageFile.objects.get().file.name]


def test_the_same_picture_again_is_the_existing_image(editor: JSONClient, product: Product):
    first = post_file(editor, product, picture(), alt="Red")
    before = version_of(product), recorded()

    again = post_file(editor, product, picture(), alt="Other", position=7)

    assert (again.status_code, again.json()) == (200, first.json())
    assert (version_of(product), recorded()) == before


def test_pictures_come_in_the_order_of_their_positions(editor: JSONClient, product: Product):
    red, green, blue = (make_image(product, color) for color in ("red", "green", "blue"))
    assert [image.position for image in (red, green, blue)] == [0, 1, 2]

    response = editor.patch(images_url(product, blue.pk), {"position": 0, "alt": "Blue"})
    first = editor.patch(images_url(product, red.pk), {"position": 1})

    assert (response.status_code, response.json()["alt"], response.json()["position"]) == (200, "Blue", 0)
    assert first.status_code == 200
    listed = editor.get(images_url(product)).json()["results"]
    # Of two at one position the older comes first.
    assert [image["id"] for image in listed] == [blue.pk, red.pk, green.pk]
    shown = Event.objects.latest("id").data["product"]["images"]
    assert [image["id"] for image in shown] == [blue.pk, red.pk, green.pk]


def test_a_patch_without_changes_records_no_event(editor: JSONClient, product: Product):
    image = make_image(product, alt="Red")
    before = version_of(product), recorded()

    response = editor.patch(images_url(product, image.pk), {"alt": "Red", "position": 0})

    assert response.status_code == 200
    assert (version_of(product), recorded()) == before


@pytest.mark.parametrize("body", [{"position": -1}, {"position": "first"}, {"alt": "x" * 513}, {"alt": "a\x00b"}])
def test_a_patch_that_does_not_fit_is_refused(editor: JSONClient, product: Product, body: dict[str, Any]):
    image = make_image(product)

    assert editor.patch(images_url(product, image.pk), body).status_code == 422
    image.refresh_from_db()
    assert (image.alt, image.position) == ("", 0)


def test_an_image_is_deleted_and_its_content_stays_for_a_while(editor: JSONClient, product: Product):
    image = make_image(product)
    before = version_of(product)

    response = editor.delete(images_url(product, image.pk))

    assert response.status_code == 204
    assert version_of(product) == before + 1
    assert Event.objects.latest("id").data["product"]["images"] == []
    assert len(files()) == ImageFile.objects.count() == 1


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_picture_of_another_product_is_not_found(editor: JSONClient, product: Product, method: str):
    image = make_image(make_product("B-1"))

    response = getattr(editor, method)(images_url(product, image.pk), {})

    assert (response.status_code, response.json()["code"]) == (404, "image_not_found")
    assert ProductImage.objects.count() == 1


def test_a_product_has_a_maximal_number_of_images(
    editor: JSONClient, product: Product, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(images_service, "MAX_IMAGES", 1)
    make_image(product)

    response = post_file(editor, product, picture(color="blue"))

    assert (response.status_code, response.json()["code"]) == (409, "too_many_images")
    assert limits.MAX_IMAGES == 250


def test_a_storefront_sees_ready_images_of_published_products(storefront: JSONClient, product: Product):
    draft = make_product("B-1")
    make_image(draft, "green")
    image = make_image(product)
    services.add_image_url(product_id=product.pk, url="https://a.example/a.png")

    seen = storefront.get(images_url(product)).json()["results"]
    hidden = storefront.get(images_url(draft))

    assert [set(one) for one in seen] == [{"id", "url", "thumbnail_url", "alt", "position", "width", "height"}]
    assert seen[0]["id"] == image.pk
    assert (hidden.status_code, hidden.json()["code"]) == (404, "product_not_found")


def test_a_reader_may_not_write(reader: JSONClient, storefront: JSONClient, product: Product):
    image = make_image(product)

    for client in (reader, storefront):
        assert post_file(client, product, picture(color="blue")).status_code == 403
        assert client.patch(images_url(product, image.pk), {"alt": "x"}).status_code == 403
        assert client.delete(images_url(product, image.pk)).status_code == 403
    assert ProductImage.objects.get() == image


def test_a_repeated_upload_takes_effect_once(editor: JSONClient, product: Product):
    headers = {"Idempotency-Key": "picture-1"}

    first = post_file(editor, product, picture(), headers=headers)
    services.delete_image(product_id=product.pk, image_id=first.json()["id"])
    again = post_file(editor, product, picture(), headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert not ProductImage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_pictures_are_decoded_and_stored_before_the_transaction(
    editor: JSONClient, product: Product, monkeypatch: pytest.MonkeyPatch
):
    inside: list[bool] = []
    store = services.store_picture
    monkeypatch.setattr(
        services, "store_picture", lambda **more: (inside.append(connection.in_atomic_block), store(**more))[1]
    )

    response = post_file(editor, product, picture(), headers={"Idempotency-Key": "picture-1"})

    assert (response.status_code, inside) == (201, [False])


@pytest.mark.django_db(transaction=True)
def test_a_refused_upload_may_be_repeated_with_its_key(editor: JSONClient, product: Product):
    headers = {"Idempotency-Key": "picture-1"}

    refused = post_file(editor, product, b"<svg/>", headers=headers)
    taken = post_file(editor, product, picture(), headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (422, "image_type_unsupported")
    assert taken.status_code == 201


def test_a_file_without_a_name_is_refused(editor: JSONClient, product: Product):
    response = editor.post(images_url(product), {"file": "text"}, format="multipart")

    assert response.status_code == 422


def test_the_list_takes_two_queries_however_many_there_are(
    editor: JSONClient, product: Product, django_assert_num_queries: Any
):
    for color in ("red", "green", "blue"):
        make_image(product, color)
    editor.get(images_url(product))

    with django_assert_num_queries(2):
        assert len(editor.get(images_url(product)).json()["results"]) == 3


def test_the_database_keeps_a_picture_and_its_content_together(product: Product):
    image = make_image(product)
    for values in ({"status": ImageStatus.PENDING}, {"image_file": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ProductImage.objects.filter(pk=image.pk).update(**values)
    with pytest.raises(IntegrityError, match="products_productimage_upload_once"), transaction.atomic():
        ProductImage.objects.create(product=product, image_file=image.image_file)


def test_a_served_picture_cannot_run_scripts(product: Product, client: Any):
    url = "/media/" + make_image(product).image_file.file.name

    response, _ = served(client, url)

    assert response.status_code == 200
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize(
    "path",
    ["", "images/", "../settings.py", "images/../../secret", "images/00/..%2f..%2fsecret", "uploads/" + "0" * 32,
     "images/aa/" + "a" * 64 + "-00000000.svg", "/etc/passwd", "images/aa/" + "a" * 64 + "-00000000.png%00.html"],
)  # fmt: skip
def test_nothing_but_pictures_is_served(client: Any, path: str, media_root: Any):
    media_root.mkdir(parents=True, exist_ok=True)
    (media_root / "secret").write_text("secret")

    assert client.get(f"/media/{path}").status_code == 404
    assert client.post(f"/media/{path}").status_code in (404, 405)


def test_a_name_that_a_form_sends_is_not_used(editor: JSONClient, product: Product):
    data = {"file": file_of(picture(), "a" * 3000 + ".jpg")}

    assert editor.post(images_url(product), data, format="multipart").status_code in (201, 422)
    assert all(len(name) < 100 for name in files())
