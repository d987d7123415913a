"""Names that IDNA refuses are refused URLs, wherever they come from: never a traceback, never tried again."""

from typing import Any

import httpx
import pytest

from pms_backend import outbound
from pms_backend.outbound.targets import MAX_LABEL_LENGTH, parse_target
from products.models import ImageStatus, ProductImage
from products.services import add_image_url, fetch_due_images
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.outbound.servers import Names, saying, serving
from tests.products.pictures import images_url

REFUSED = [
    "xn--", "XN--", "xn--a", "xn--zz-zzzz.com", "a.xn--zz-zzzz.com", "xn--99zzzzzzzzzz.com", "xn--a-.com", "xn--é.com",
    "xn--ls8h.la", "xn--\u2060", "\u2060.com", "\u200d.com", "\u0300a.com", "a\u00adb.com", "\ufeff.com", "\ud800.com",
    "a..b", ".com", "com..", "\u3002", "a.xn--.b", "💩.la", "½.com", "a_ü.com", "ü" * 80 + ".com",
    "a" * (MAX_LABEL_LENGTH + 1) + ".com", "b." + "a" * (MAX_LABEL_LENGTH + 1), "[::1%25é]", "[xn--]",
]  # fmt: skip
TAKEN = [
    "xn--bcher-kva.example", "faß.de", "xn--fa-hia.de", "ab--cd.com", "my_bucket.com", "a" * MAX_LABEL_LENGTH + ".com",
]  # fmt: skip


@pytest.mark.parametrize("host", REFUSED, ids=ascii)
def test_a_name_that_idna_refuses_is_a_refused_url(host: str):
    with pytest.raises(outbound.Forbidden):
        parse_target(f"http://{host}/a.png")


@pytest.mark.parametrize("host", TAKEN)
def test_a_name_that_idna_knows_is_taken_and_httpx_can_use_it(host: str):
    target = parse_target(f"http://{host}/a.png")

    assert httpx.Client().build_request("GET", target.url).headers["Host"] == target.host
    assert target.url.host


@pytest.mark.django_db
@pytest.mark.parametrize("host", [host for host in REFUSED if "\ud800" not in host], ids=ascii)
def test_the_api_refuses_an_image_at_such_a_name(api: JSONClient, host: str):
    product = make_product("A-1")

    response = api.post(images_url(product), {"url": f"http://{host}/a.png"})

    assert (response.status_code, response.json()["code"]) == (422, "outbound_forbidden")
    assert not ProductImage.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "location", ["http://xn--zz-zzzz.com/", "http://xn--/", "//a..b/", "http://[x/", "http://a:b/"]
)
def test_a_redirect_to_such_a_name_fails_the_image_for_good(
    names: Names, settings: Any, location: str, caplog: pytest.LogCaptureFixture
):
    names.set("shop.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["shop.example"]
    with serving(saying(b"", 302, Location=location)) as server:
        url = f"http://shop.example:{server.port}/a.png"
        image, _ = add_image_url(product_id=make_product("A-1").pk, url=url)

        assert fetch_due_images() == 1

    image.refresh_from_db()
    assert (image.status, image.attempts) == (ImageStatus.FAILED, 1)
    assert server.paths == ["/a.png"]
    assert caplog.records == []


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["xn--", "xn--zz-zzzz.com", "a..b", "a" * 64 + ".com"])
def test_an_address_that_was_stored_before_fails_for_good(host: str, caplog: pytest.LogCaptureFixture):
    image, _ = add_image_url(product_id=make_product("A-1").pk, url=f"http://{host}/a.png")

    fetch_due_images()

    image.refresh_from_db()
    assert (image.status, image.attempts) == (ImageStatus.FAILED, 1)
    assert caplog.records == []
