"""Images of the products that a PMS reports: fetched once each, in their order, and removed with their place in it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection
from pms_integration.services.image_validation import MAX_EXCERPT_LENGTH
from products import services as products
from products.images.limits import MAX_IMAGES
from products.models import MAX_ALT_LENGTH, MAX_URL_LENGTH, ImageFile, Product, ProductImage
from products.services import image_urls
from products.tasks import fetch_images
from tests.factories import make_connection
from tests.outbound.servers import LocalServer, Names, send, serving
from tests.pms_integration.reports import apply, product, receive
from tests.products.pictures import make_image, picture

pytestmark = [pytest.mark.django_db, pytest.mark.database]

# Enough for a picture of its own at each path of a test.
COLOURS = ("red", "blue", "green", "white")


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection("demo")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[LocalServer]:
    """A server with a picture of another colour at each path that ends in its number; all others are missing."""
    Names(monkeypatch).set("shop.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["shop.example"]

    def respond(handler: Any) -> None:
        number = handler.path.partition("?")[0][-1]
        if number.isdigit():
            send(handler, picture(color=COLOURS[int(number)]))
        else:
            send(handler, b"", 404)

    with serving(respond) as server:
        yield server


def at(server: LocalServer, *paths: str) -> list[str]:
    return [f"http://shop.example:{server.port}{path}" for path in paths]


def with_images(version: int, *urls: str, number: str = "7", **more: Any) -> dict[str, Any]:
    return product(number, version, sku=f"A-{number}", images=[{"url": url} for url in urls], **more)


def shown() -> list[str]:
    """The URLs of the only product's images, in the order in which the product shows them."""
    return list(Product.objects.get().images.order_by("position", "pk").values_list("source_url", flat=True))


def events() -> list[str]:
    return list(Event.objects.order_by("id").values_list("type", flat=True))


def test_each_picture_is_requested_once_over_two_reports_in_order(pms: PMSConnection, shop: LocalServer) -> None:
    first, second, third = at(shop, "/2", "/1", "/3")
    apply(pms, "product.created", with_images(1, first, second))
    assert fetch_images() == 2
    assert shop.paths == ["/2", "/1"]

    repeated = apply(pms, "product.updated", with_images(1, first, second))
    again = apply(pms, "product.updated", with_images(2, first, second))
    assert (repeated.reason, again.status, fetch_images()) == ("stale", "processed", 0)

    apply(pms, "product.updated", with_images(3, first, second, third))
    assert fetch_images() == 1

    assert shop.paths == ["/2", "/1", "/3"]
    assert shown() == [first, second, third]
    assert list(ProductImage.objects.order_by("pk").values_list("position", "status", "listed_by")) == [
        (0, "ready", "pms:demo"),
        (1, "ready", "pms:demo"),
        (2, "ready", "pms:demo"),
    ]


def test_the_same_images_again_change_nothing(pms: PMSConnection, shop: LocalServer) -> None:
    apply(pms, "product.created", with_images(1, *at(shop, "/1", "/2")))
    fetch_images()
    before = (events(), Product.objects.get().version, list(ProductImage.objects.order_by("pk").values()))

    event = apply(pms, "product.updated", with_images(2, *at(shop, "/1", "/2")))

    assert (event.status, event.reason) == ("processed", "")
    assert (events(), Product.objects.get().version, list(ProductImage.objects.order_by("pk").values())) == before


def test_another_order_of_the_images_alone_updates_the_product(pms: PMSConnection, shop: LocalServer) -> None:
    one, two = at(shop, "/1", "/2")
    apply(pms, "product.created", with_images(1, one, two))
    fetch_images()
    before = len(events()), Product.objects.get().version

    event = apply(pms, "product.updated", with_images(2, two, one))

    assert shown() == [two, one]
    assert (len(events()), Product.objects.get().version) == (before[0] + 1, before[1] + 1)
    announced = Event.objects.latest("id")
    assert (announced.type, announced.actor, announced.request_id) == (
        "product.updated",
        "pms:demo",
        event.webhook_id,
    )
    files = {image.source_url: image.image_file.file.name for image in ProductImage.objects.all()}
    urls = [image["url"] for image in announced.data["product"]["images"]]
    assert [url.endswith(files[source]) for url, source in zip(urls, [two, one], strict=True)] == [True, True]
    assert fetch_images() == 0


def test_an_image_that_the_pms_has_taken_out_of_its_list_is_removed(pms: PMSConnection, shop: LocalServer) -> None:
    one, two = at(shop, "/1", "/2")
    apply(pms, "product.created", with_images(1, one, two))
    fetch_images()

    apply(pms, "product.updated", with_images(2, two))

    assert shown() == [two]
    announced = Event.objects.latest("id")
    assert (announced.type, len(announced.data["product"]["images"])) == ("product.updated", 1)

    apply(pms, "product.updated", with_images(3))
    assert shown() == []
    assert len(shop.paths) == 2


def test_a_report_without_images_changes_none_and_the_next_list_counts_again(
    pms: PMSConnection, shop: LocalServer
) -> None:
    one, two = at(shop, "/1", "/2")
    apply(pms, "product.created", with_images(1, one))

    apply(pms, "product.updated", product("7", 2, sku="A-7"))
    apply(pms, "product.updated", product("7", 3, sku="A-7", images=None))
    assert shown() == [one]

    apply(pms, "product.updated", with_images(4, two))
    assert shown() == [two]


def test_images_are_still_the_lists_after_a_deletion_and_a_conflict(pms: PMSConnection, shop: LocalServer) -> None:
    one, two, three = at(shop, "/1", "/2", "/3")
    apply(pms, "product.created", with_images(1, one))
    apply(pms, "product.deleted", {"id": "7", "version": 2})
    assert shown() == [one]

    apply(pms, "product.created", with_images(3, two))
    assert shown() == [two]

    apply(pms, "product.created", product("8", 1, sku="B-1"))
    ours = pms.products.get(external_id="7").product
    conflict = apply(pms, "product.updated", with_images(4, three) | {"variants": [{"sku": "A-7"}, {"sku": "B-1"}]})
    assert (conflict.reason, [image.source_url for image in ours.images.all()]) == (
        "The SKU B-1 belongs to another product.",
        [two],
    )

    apply(pms, "product.updated", with_images(5, three))
    assert [image.source_url for image in ours.images.all()] == [three]


def test_images_that_came_from_elsewhere_stay(pms: PMSConnection, shop: LocalServer) -> None:
    one, two, staffs = at(shop, "/1", "/2", "/3")
    apply(pms, "product.created", with_images(1, one))
    ours = Product.objects.get()
    uploaded = make_image(ours, position=0)
    products.add_image_url(product_id=ours.pk, url=staffs)
    products.add_image_url(product_id=ours.pk, url=two)

    apply(pms, "product.updated", with_images(2, two))
    assert set(shown()) == {"", staffs, two}

    apply(pms, "product.updated", with_images(3))
    assert set(shown()) == {"", staffs, two}
    assert ours.images.filter(pk=uploaded.pk).exists()


def test_each_connection_has_a_list_of_its_own(pms: PMSConnection, shop: LocalServer) -> None:
    one, two = at(shop, "/1", "/2")
    other = make_connection("other")
    apply(pms, "product.created", with_images(1, one))
    apply(other, "product.created", with_images(1, two))

    apply(pms, "product.updated", with_images(2))

    assert shown() == [two]


def test_an_image_of_ours_that_the_pms_has_got_from_us_is_not_fetched(pms: PMSConnection, shop: LocalServer) -> None:
    apply(pms, "product.created", product("7", 1, sku="A-7"))
    image = make_image(Product.objects.get())

    apply(pms, "product.updated", with_images(2, f"https://our.example{image.image_file.file.url}"))

    assert (ProductImage.objects.get(), fetch_images()) == (image, 0)


def test_two_urls_with_one_picture_are_two_images_with_one_file(pms: PMSConnection, shop: LocalServer) -> None:
    apply(pms, "product.created", with_images(1, *at(shop, "/a1", "/b1")))

    assert fetch_images() == 2
    assert len(shown()) == 2
    assert ImageFile.objects.count() == 1


def test_a_url_with_another_query_string_is_another_picture(pms: PMSConnection, shop: LocalServer) -> None:
    old, new = at(shop, "/1?v=1", "/1?v=2")
    apply(pms, "product.created", with_images(1, old))
    fetch_images()

    apply(pms, "product.updated", with_images(2, new))
    fetch_images()

    assert shown() == [new]
    assert shop.paths == ["/1?v=1", "/1?v=2"]


def test_a_url_that_is_in_the_list_twice_is_one_image_at_the_first_place(pms: PMSConnection, shop: LocalServer) -> None:
    one, two = at(shop, "/1", "/2")
    for version in (1, 2):
        apply(pms, "product.updated", with_images(version, one, two, one))

    assert shown() == [one, two]
    assert fetch_images() == 2


def test_a_failed_fetch_is_tried_again_with_another_version_only(pms: PMSConnection, shop: LocalServer) -> None:
    missing, one = at(shop, "/missing", "/1")
    apply(pms, "product.created", with_images(1, missing))
    fetch_images()
    assert ProductImage.objects.get().status == "failed"

    apply(pms, "product.updated", with_images(1, missing))
    apply(pms, "product.updated", with_images(1, missing, name="Another content of this version"))
    assert fetch_images() == 0

    apply(pms, "product.updated", with_images(2, missing))
    assert fetch_images() == 1
    image = ProductImage.objects.get()
    assert (image.status, image.attempts, shop.paths) == ("failed", 1, ["/missing", "/missing"])

    apply(pms, "product.updated", with_images(3, one))
    assert (fetch_images(), shown()) == (1, [one])


def test_the_text_of_an_image_is_the_pms_s_and_stays_without_one(pms: PMSConnection) -> None:
    url = "https://shop.example/1"

    def reported(version: int, **image: Any) -> str:
        apply(pms, "product.updated", product("7", version, images=[{"url": url, **image}]))
        return ProductImage.objects.get().alt

    assert reported(1) == ""
    assert reported(2, alt=" A lamp ") == " A lamp "
    assert reported(3) == " A lamp "
    assert reported(4, alt=None) == " A lamp "
    assert reported(5, alt="") == ""


@pytest.mark.parametrize(
    ("image", "name", "detail"),
    [
        ({"url": "ftp://a.example/a"}, "ftp://a.example/a", "Only http and https URLs are called."),
        ({"url": "no address"}, "no address", "This is no URL"),
        ({"url": "http://user:secret@a.example/"}, "http://user:secret@a.example/", "a user name or a password"),
        (
            {"url": "https://a.example/" + "x" * MAX_URL_LENGTH},
            "https://a.example/" + "x" * (MAX_EXCERPT_LENGTH - len("https://a.example/")) + " is",
            f"no more than {MAX_URL_LENGTH} characters",
        ),
        ({"url": None}, "1", "may not be null"),
        ({"url": ""}, "1", "may not be blank"),
        ({"alt": "A lamp"}, "1", "required"),
        ("https://a.example/a", "1", "dictionary"),
    ],
)
def test_an_image_that_cannot_be_used_is_left_out_with_a_note(
    pms: PMSConnection, image: Any, name: str, detail: str
) -> None:
    good = "https://a.example/good"

    event = apply(pms, "product.created", product("7", 1, images=[image, {"url": good}]))

    assert (event.status, pms.products.with_state().get().state) == ("processed", "in_sync")
    assert event.reason.startswith(f"The image {name}")
    assert detail in event.reason
    assert event.reason == pms.products.get().reason
    assert (shown(), ProductImage.objects.get().position) == ([good], 0)


def test_a_text_that_cannot_be_used_is_left_out_and_its_image_stays(pms: PMSConnection) -> None:
    images = [
        {"url": "https://a.example/1", "alt": "x" * (MAX_ALT_LENGTH + 1)},
        {"url": "https://a.example/2", "alt": []},
    ]

    event = apply(pms, "product.created", product("7", 1, images=images))

    assert event.reason.count("The text of the image https://a.example/") == 2
    assert list(ProductImage.objects.values_list("alt", flat=True)) == ["", ""]


def test_images_that_are_no_list_are_left_out_and_change_none(pms: PMSConnection) -> None:
    apply(pms, "product.created", with_images(1, "https://a.example/1"))

    event = apply(pms, "product.updated", product("7", 2, sku="A-7", images={"url": "https://a.example/2"}))

    assert (event.status, event.reason) == ("processed", "images is no list and is left out.")
    assert shown() == ["https://a.example/1"]


def test_a_list_longer_than_the_limit_is_cut(pms: PMSConnection) -> None:
    urls = [f"https://a.example/{number}" for number in range(MAX_IMAGES + 2)]

    event = apply(pms, "product.created", with_images(1, *urls))

    assert event.reason == "A product has at most 250 images; the other 2 are left out."
    assert shown() == urls[:MAX_IMAGES]


def test_images_beyond_the_limit_together_with_ours_are_left_out(
    pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_urls, "MAX_IMAGES", 3)
    urls = [f"https://a.example/{number}" for number in range(4)]
    apply(pms, "product.created", with_images(1, urls[0]))
    make_image(Product.objects.get(), position=9)

    event = apply(pms, "product.updated", with_images(2, *urls[1:]))

    assert event.reason == "A product has at most 3 images; 1 of these are left out."
    assert shown() == [urls[1], urls[2], ""]
    repeated = apply(pms, "product.updated", with_images(3, *urls[1:]))
    assert (repeated.reason, pms.products.get().reason, shown()) == (event.reason, event.reason, [urls[1], urls[2], ""])


def test_many_notes_are_cut_and_the_other_notes_come_first(pms: PMSConnection) -> None:
    event = apply(pms, "product.created", with_images(1, *["ftp://a.example/" + "x" * 90] * 40, category="lamps"))

    assert event.reason.startswith("There is no category lamps. The image ftp://a.example/")
    assert (len(event.reason), len(pms.products.get().reason)) == (MAX_REASON_LENGTH, MAX_REASON_LENGTH)


def test_another_list_with_the_same_version_is_noticed(pms: PMSConnection) -> None:
    one, two = "https://a.example/1", "https://a.example/2"
    apply(pms, "product.created", with_images(1, one, two))

    event = apply(pms, "product.updated", with_images(1, two, one))

    assert event.status == "processed"
    assert shown() == [two, one]
    assert list(pms.refetches.values_list("external_id", flat=True)) == ["7"]


def test_the_statements_do_not_grow_with_the_products_and_their_images(pms: PMSConnection, shop: LocalServer) -> None:
    one, two, three, missing = at(shop, "/1", "/2", "/3", "/missing")
    services.apply_due_events()  # The first one of a process tries again what failed by us.
    for number in range(2, 12):
        receive(pms, "product.created", with_images(1, one, two, missing, number=str(number)))
    services.apply_due_events()
    fetch_images()

    def statements(version: int, numbers: range) -> int:
        for number in numbers:
            receive(pms, "product.updated", with_images(version, two, missing, three, number=str(number)))
        with CaptureQueriesContext(database) as captured:
            services.apply_due_events()
        return len(captured)

    few, many = statements(2, range(2, 4)), statements(2, range(4, 12))

    assert many == few
    assert ProductImage.objects.filter(source_url=three).count() == 10
    assert not ProductImage.objects.filter(source_url=one).exists()
    assert ProductImage.objects.filter(source_url=missing, status="pending").count() == 10
