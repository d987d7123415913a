"""Descriptions are sanitised for every kind of input, and may be as long as those of shops."""

import pytest

from products import services
from products.descriptions import sanitized
from products.models import MAX_DESCRIPTION_LENGTH, Product
from products.services import plans
from tests.conftest import JSONClient
from tests.factories import make_product

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products/"
# Characters that grow take seconds to reach the real limit.
SHORT_DESCRIPTION = 1_000
RAW = '<p onclick="x()">Hi<script>alert(1)</script><a href="javascript:x()">y</a></p>'
CLEAN = '<p>Hi<a rel="noopener noreferrer">y</a></p>'


def test_the_api_sanitises_it(editor: JSONClient):
    made = editor.post(PRODUCTS, {"name": "A", "description": RAW, "variants": [{"sku": "A"}]}).json()
    address = f"{PRODUCTS}{made['id']}/"

    assert made["description"] == CLEAN
    assert editor.patch(address, {"description": "<b>x</b><iframe>"}).json()["description"] == "<b>x</b>"
    replaced = editor.put(address, {"name": "A", "description": RAW, "variants": [{"sku": "A"}]})
    assert replaced.json()["description"] == CLEAN


def test_a_bulk_sanitises_it_and_what_is_clean_is_no_change():
    rows = [(0, {"name": "A", "description": RAW, "variants": [{"sku": "A"}]})]

    first, second = services.upsert_products(rows=rows), services.upsert_products(rows=rows)

    assert Product.objects.get().description == CLEAN
    assert [outcome.status for outcome in (*first, *second)] == ["created", "unchanged"]


def test_text_without_markup_stays_as_it_is():
    assert make_product("A", description="3 < 4 & more").description == "3 < 4 & more"


def test_its_length_is_counted_as_stored(editor: JSONClient, monkeypatch: pytest.MonkeyPatch):
    whole = editor.post(
        PRODUCTS, {"name": "A", "description": "x" * MAX_DESCRIPTION_LENGTH, "variants": [{"sku": "A"}]}
    )
    monkeypatch.setattr(plans, "MAX_DESCRIPTION_LENGTH", SHORT_DESCRIPTION)
    longer = "<b>" + "&" * (SHORT_DESCRIPTION - 3)
    grown = editor.post(PRODUCTS, {"name": "B", "description": longer, "variants": [{"sku": "B"}]})

    assert whole.status_code == 201
    assert (grown.status_code, grown.json()["errors"][0]["pointer"]) == (422, "/description")
    assert Product.objects.count() == 1


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("<pre>\n\n\nx</pre>", "<pre>\n\n\nx</pre>"),
        ('<pre lang="de">\n\nx</pre>', '<pre lang="de">\n\nx</pre>'),
        ("<pre>\nx</pre>", "<pre>x</pre>"),
        ("<p>a&#13;b</p>", "<p>a\nb</p>"),
        ("<p><select><div>x</div></select></p>", "<p></p><div>x</div><p></p>"),
        ("<li><form><li>x</li></form></li>", "<li></li><li>x</li>"),
    ],
)
def test_a_sanitised_description_stays_the_same_when_it_is_sent_again(raw: str, stored: str):
    assert sanitized(raw) == stored
    assert sanitized(stored) == stored
