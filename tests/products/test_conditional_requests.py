"""ETags: a reader gets 304 for what it has, an editor 412 for what it has not read."""

import hashlib
from functools import partial
from typing import Any

import pytest

from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event
from products.models import Product
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products/"
NEVER_WAS = "0" * 32


@pytest.fixture
def url() -> str:
    return f"{PRODUCTS}{make_product().pk}/"


def digest(response: Any) -> str:
    return hashlib.blake2b(response.content, digest_size=16).hexdigest()


def if_match(tag: str) -> dict[str, dict[str, str]]:
    return {"headers": {"If-Match": tag}}


def if_none_match(tag: str) -> dict[str, dict[str, str]]:
    return {"headers": {"If-None-Match": tag}}


def test_a_product_has_its_version_and_the_digest_of_its_bytes(reader, url):
    response = reader.get(url)

    assert response["ETag"] == f'"1.{digest(response)}"'
    assert response["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "X-Api-Key", "Cookie"} <= set(response["Vary"].split(", "))


def test_a_list_has_the_digest_of_its_bytes(reader, url):
    response = reader.get(PRODUCTS)

    assert response["ETag"] == f'"{digest(response)}"'


@pytest.mark.parametrize("method", ["patch", "post"])
def test_the_answer_of_a_write_has_the_etag_that_the_next_read_has(editor, url, method):
    written = editor.patch(url, {"name": "Lantern"}) if method == "patch" else editor.post(f"{url}publish/")

    assert written.status_code == 200
    assert written["ETag"] == editor.get(url)["ETag"]
    assert written["ETag"].startswith('"2.')


def test_a_product_that_is_made_has_its_etag(editor):
    made = editor.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1", "price": "10.00"}]})

    assert made.status_code == 201
    assert made["ETag"] == editor.get(f"{PRODUCTS}{made.json()['id']}/")["ETag"]


def test_two_callers_who_see_different_things_have_different_etags(editor, storefront, url):
    editor.post(f"{url}publish/")

    assert editor.get(url)["ETag"] != storefront.get(url)["ETag"]


def test_a_sale_changes_the_digest_and_not_the_version(reader, url):
    make_location("main")
    before = reader.get(url)["ETag"]
    set_stock("A-1", "main", 5)
    after = reader.get(url)["ETag"]

    assert before != after
    assert before.partition(".")[0] == after.partition(".")[0] == '"1'


@pytest.mark.parametrize("path", ["", "1"])
@pytest.mark.parametrize(
    "form",
    ["{}", "W/{}", '"other", {}', '"a,b" ,\t, {},', "*", " * "],
    ids=["one", "weak", "list", "commas", "any", "ows"],
)
@pytest.mark.parametrize("method", ["get", "head"])
def test_what_the_reader_has_is_not_sent_again(reader, url, path, form, method):
    address = url if path else PRODUCTS
    known = reader.get(address)

    response = getattr(reader, method)(address, **if_none_match(form.format(known["ETag"])))

    assert (response.status_code, response.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert response[name] == known[name]
    assert "Content-Type" not in response
    assert response["Content-Length"] == str(len(known.content))


@pytest.mark.parametrize("tag", ['"1"', f'"1.{NEVER_WAS}"', "nonsense", '"open', "", "W/*"])
def test_what_the_reader_has_not_is_sent(reader, url, tag):
    response = reader.get(url, **if_none_match(tag))

    assert response.status_code == 200
    assert response.json()["version"] == 1


def test_an_unknown_product_is_missing_whatever_the_reader_has(reader, url):
    assert reader.get(f"{PRODUCTS}999999/", **if_none_match("*")).status_code == 404


WRITES = {
    "patch": lambda client, url, **more: client.patch(url, {"name": "Lantern"}, **more),
    "delete": lambda client, url, **more: client.delete(url, **more),
    "publish": lambda client, url, **more: client.post(f"{url}publish/", **more),
    "unpublish": lambda client, url, **more: client.post(f"{url}unpublish/", **more),
    "restore": lambda client, url, **more: client.post(f"{url}restore/", **more),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("tag", ['"2"', f'"2.{NEVER_WAS}"', 'W/"1"', '"one"', '"3", "2"', 'W/"1", "7"', '"1x.2"'])
def test_another_version_is_412_and_nothing_is_written(editor, url, write, tag):
    before, events = Product.objects.values().get(), Event.objects.count()

    response = WRITES[write](editor, url, **if_match(tag))

    assert (response.status_code, response.json()["code"]) == (412, "version_conflict")
    assert response["Content-Type"] == "application/problem+json"
    assert (Product.objects.values().get(), Event.objects.count()) == (before, events)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("tag", ['"1"', f'"1.{NEVER_WAS}"', '"5", "1"', "*", '"7.a" ,, W/"2", "1.b"', '"a,b", "1"'])
def test_the_version_that_the_editor_saw_is_written(editor, url, write, tag):
    response = WRITES[write](editor, url, **if_match(tag))

    assert response.status_code in (200, 204), response.content


@pytest.mark.parametrize("tag", ["1", '"1', "", "abc", '"1" "2"', '*, "1"', '"1", x', 'w/"1"'])
def test_a_tag_that_cannot_be_read_is_400(editor, url, tag):
    response = editor.patch(url, {"name": "Lantern"}, **if_match(tag))

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert Product.objects.get().version == 1


def test_a_condition_on_an_unknown_product_is_404(editor):
    assert editor.patch(f"{PRODUCTS}999999/", {"name": "x"}, **if_match('"1"')).status_code == 404


def test_a_sale_does_not_spoil_an_edit(editor, url):
    make_location("main")
    seen = editor.get(url)["ETag"]
    set_stock("A-1", "main", 5)

    response = editor.patch(url, {"name": "Lantern"}, **if_match(seen))

    assert (response.status_code, response.json()["version"]) == (200, 2)


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_with_the_same_version_the_second_is_refused_and_the_first_keeps_all():
    url = f"{PRODUCTS}{make_product(brand='None').pk}/"
    key = create_api_client(name="editors", scopes=["products:read", "products:write"]).api_key
    seen = JSONClient(headers={"X-Api-Key": key}).get(url)["ETag"]

    def edit(number: int) -> Any:
        body = {"name": f"Lamp of {number}", "brand": f"Brand of {number}"}
        return JSONClient(headers={"X-Api-Key": key}).patch(url, body, **if_match(seen))

    answers = at_once([partial(edit, number) for number in range(8)])

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    (winner,) = (number for number, answer in enumerate(answers) if answer.status_code == 200)
    product = Product.objects.get()
    assert (product.version, product.name, product.brand) == (2, f"Lamp of {winner}", f"Brand of {winner}")
