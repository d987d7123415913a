"""Images that are given as URLs: fetched afterwards, with a guarded connection and limited attempts."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from pms_backend.events.models import Event
from products import services
from products.images.limits import FETCH_LEASE, MAX_FETCH_ATTEMPTS, MAX_IMAGE_BYTES
from products.models import ImageStatus, Product, ProductImage
from products.services import image_fetching
from products.services.image_fetching import fetch_image, lease_next_image
from products.tasks import fetch_images
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.outbound.servers import LocalServer, Names, saying, serving
from tests.products.pictures import images_url, make_image, picture
from tests.products.recorded import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def product() -> Product:
    return make_product("A-1")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, settings: Any):
    """A server of pictures, at a name that we may call."""
    Names(monkeypatch).set("shop.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["shop.example"]
    with serving(saying(picture(), Content_Type="text/html")) as server:
        yield server


def url_at(server: LocalServer, path: str = "/a.jpg") -> str:
    return f"http://shop.example:{server.port}{path}"


def add(product: Product, url: str, **more: Any) -> ProductImage:
    return services.add_image_url(product_id=product.pk, url=url, **more)[0]


def make_due(**values: Any) -> None:
    ProductImage.objects.filter(status=ImageStatus.PENDING).update(next_attempt_at=None, claimed_until=None, **values)


def test_a_picture_at_a_url_is_fetched_and_shown(editor: JSONClient, product: Product, shop: LocalServer):
    before = product.version, recorded()

    response = editor.post(images_url(product), {"url": url_at(shop), "alt": "Red"})

    assert response.status_code == 201
    pending = response.json()
    assert (pending["status"], pending["url"], pending["source_url"]) == ("pending", None, url_at(shop))
    product.refresh_from_db()
    assert (product.version, recorded()) == before

    assert fetch_images() == 1

    (shown,) = editor.get(images_url(product)).json()["results"]
    product.refresh_from_db()
    event = Event.objects.latest("id")
    assert (shown["id"], shown["status"], shown["width"], shown["alt"]) == (pending["id"], "ready", 64, "Red")
    assert (product.version, event.type) == (before[0] + 1, "product.updated")
    assert [image["id"] for image in event.data["product"]["images"]] == [pending["id"]]
    assert fetch_images() == 0
    assert shop.paths == ["/a.jpg"]


def test_a_url_that_the_guard_refuses_is_a_422(editor: JSONClient, product: Product):
    for url in ("http://127.0.0.1/a.png", "http://169.254.169.254/", "ftp://a.example/", "http://0x7f.1/"):
        response = editor.post(images_url(product), {"url": url})

        assert (response.status_code, response.json()["code"]) == (422, "outbound_forbidden")
    assert not ProductImage.objects.exists()


def test_the_connection_is_guarded_too(product: Product, shop: LocalServer):
    image = add(product, f"http://127.0.0.1:{shop.port}/a.jpg")

    fetch_images()

    image.refresh_from_db()
    assert (image.status, image.attempts) == ("failed", 1)
    assert "not public" in image.error
    assert shop.paths == []


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b"", "The server answered 404."),
        (403, picture(), "The server answered 403."),
        (302, b"", "The server answered 302."),
        (200, b"<html>", "none of them"),
        (200, picture()[:300], "damaged"),
        (200, b"x" * (MAX_IMAGE_BYTES + 1), "more than 20971520 bytes"),
    ],
    ids=range(6),
)
def test_a_permanent_error_fails_at_once(
    editor: JSONClient, product: Product, shop: LocalServer, status: int, body: bytes, error: str
):
    shop.respond = saying(body, status)
    add(product, url_at(shop))
    before = recorded()

    fetch_images()

    (shown,) = editor.get(images_url(product)).json()["results"]
    assert (shown["status"], shown["url"]) == ("failed", None)
    assert error in shown["error"]
    assert (fetch_images(), recorded()) == (0, before)


@pytest.mark.parametrize("status", [429, 408, 500, 503])
def test_a_temporary_error_is_retried_a_limited_number_of_times(product: Product, shop: LocalServer, status: int):
    shop.respond = saying(b"", status)
    image = add(product, url_at(shop))

    pauses = []
    for attempt in range(1, MAX_FETCH_ATTEMPTS + 1):
        assert fetch_images() == 1
        assert fetch_images() == 0
        image.refresh_from_db()
        assert image.attempts == attempt
        if attempt < MAX_FETCH_ATTEMPTS:
            assert image.status == "pending"
            pauses.append(image.next_attempt_at - timezone.now())
        make_due()

    assert (image.status, image.error) == ("failed", f"The server answered {status}.")
    for pause, least in zip(pauses, (30, 60, 120, 240), strict=True):
        assert timedelta(seconds=least - 5) < pause <= timedelta(seconds=least * 1.5)
    assert len(shop.paths) == MAX_FETCH_ATTEMPTS == 5


def test_a_picture_that_comes_at_the_second_try_is_shown(product: Product, shop: LocalServer):
    shop.respond = saying(b"", 503)
    image = add(product, url_at(shop))
    fetch_images()
    shop.respond = saying(picture())
    make_due()

    fetch_images()

    image.refresh_from_db()
    assert (image.status, image.error, image.attempts) == ("ready", "", 2)


def test_the_attempt_of_a_worker_that_dies_counts(product: Product, shop: LocalServer):
    image = add(product, url_at(shop))

    for _ in range(MAX_FETCH_ATTEMPTS):
        assert lease_next_image() is not None
        make_due()
    fetch_images()

    image.refresh_from_db()
    assert (image.status, image.error) == ("failed", "Each of its workers died.")
    assert shop.paths == []


def test_one_picture_is_fetched_at_a_time(product: Product, shop: LocalServer):
    add(product, url_at(shop, "/1"))
    add(product, url_at(shop, "/2"))

    first = lease_next_image()

    assert first is not None
    assert lease_next_image() is None
    fetch_image(first)
    assert lease_next_image() is not None
    assert timedelta(seconds=image_fetching.BOUNDS.total_seconds * 2) < FETCH_LEASE


@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_get_one_lease(product: Product, shop: LocalServer):
    for number in range(6):
        add(product, url_at(shop, f"/{number}"))

    leases = at_once([_lease_and_close] * 6)

    assert len([lease for lease in leases if lease is not None]) == 1


def _lease_and_close() -> Any:
    try:
        return lease_next_image()
    finally:
        connection.close()


def test_a_lease_that_another_worker_took_over_has_no_effect(product: Product, shop: LocalServer):
    image = add(product, url_at(shop))
    old = lease_next_image()
    make_due()
    new = lease_next_image()
    before = recorded()

    fetch_image(old)
    image.refresh_from_db()
    assert (image.status, recorded()) == ("pending", before)

    fetch_image(new)
    image.refresh_from_db()
    assert image.status == "ready"


def test_an_image_that_was_deleted_meanwhile_stays_deleted(product: Product, shop: LocalServer):
    image = add(product, url_at(shop))
    lease = lease_next_image()
    services.delete_image(product_id=product.pk, image_id=image.pk)

    fetch_image(lease)

    assert not ProductImage.objects.exists()


def test_a_storage_that_fails_is_tried_again(product: Product, shop: LocalServer, monkeypatch: pytest.MonkeyPatch):
    image = add(product, url_at(shop))
    monkeypatch.setattr(image_fetching, "store_picture", _fail)

    fetch_images()

    image.refresh_from_db()
    assert (image.status, image.error) == ("pending", "OSError")
    assert image.next_attempt_at > timezone.now()


def _fail(**_: Any) -> None:
    raise OSError("the disk is full")


def test_the_same_url_again_is_the_existing_image(editor: JSONClient, product: Product, shop: LocalServer):
    first = editor.post(images_url(product), {"url": url_at(shop)}).json()

    again = editor.post(images_url(product), {"url": url_at(shop)})

    assert (again.status_code, again.json()["id"]) == (200, first["id"])


def test_a_url_that_failed_is_tried_again_when_it_is_given_again(product: Product, shop: LocalServer):
    shop.respond = saying(b"", 404)
    image = add(product, url_at(shop))
    fetch_images()
    shop.respond = saying(picture())

    assert services.add_image_url(product_id=product.pk, url=url_at(shop)) == (image, False)
    fetch_images()

    image.refresh_from_db()
    assert (image.status, image.attempts) == ("ready", 1)


def test_a_fetched_picture_that_was_uploaded_before_is_the_same_file(product: Product, shop: LocalServer):
    uploaded = make_image(product)
    image = add(product, url_at(shop))

    fetch_images()

    image.refresh_from_db()
    assert (image.status, image.image_file) == ("ready", uploaded.image_file)
