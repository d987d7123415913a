"""What a SKU is, and when two are the same one."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from products.exceptions import InvalidSku
from products.models import Variant
from products.skus import MAX_SKU_KEY_LENGTH, as_sku_key, clean_sku, sku_key
from tests.conftest import JSONClient
from tests.factories import make_product

PRODUCTS = "/api/v1/products/"
COMPOSED, DECOMPOSED = "CAF\u00c9", "CAFE\u0301"


@pytest.mark.parametrize(
    ("text", "sku"),
    [
        ("A-1", "A-1"),
        ("  A-1\n", "A-1"),
        ("\u00a0A-1\u3000", "A-1"),
        ("a b/c", "a b/c"),
        ("x" * 100, "x" * 100),
        (" " + "x" * 100 + " ", "x" * 100),
        (DECOMPOSED, COMPOSED),
        ("日本-1", "日本-1"),
    ],
)
def test_a_sku_is_kept_in_nfc_without_outer_spaces(text: str, sku: str):
    assert clean_sku(text) == sku


@pytest.mark.parametrize("text", ["", "   ", "x" * 101, "A\x001", "A\n1", "A\t1", "A\x7f1", "A\x851", "A\ud8001"])
def test_what_is_no_sku_is_refused(text: str):
    with pytest.raises(InvalidSku):
        clean_sku(text)
    assert as_sku_key(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a-1", "A-1"),
        (" a-1 ", "A-1"),
        ("straße", "STRASSE"),
        (COMPOSED, DECOMPOSED),
        ("café", DECOMPOSED),
        ("ŉ", "ʼN"),
    ],
)
def test_two_that_differ_in_case_or_form_are_the_same(one: str, other: str):
    assert sku_key(one) == sku_key(other)


@pytest.mark.parametrize(("one", "other"), [("A-1", "A 1"), ("A", "B"), ("A  1", "A 1"), ("O", "0")])
def test_others_are_apart(one: str, other: str):
    assert sku_key(one) != sku_key(other)


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=100))
def test_a_key_is_the_key_of_its_sku_and_of_itself_and_fits_its_column(text: str):
    key = as_sku_key(text)

    if key is not None:
        assert key == sku_key(clean_sku(text)) == sku_key(text) == sku_key(key)
        assert len(key) <= MAX_SKU_KEY_LENGTH


@pytest.mark.django_db
def test_the_longest_key_fits(api: JSONClient):
    sku = "\u0390" * 100  # in upper case three characters for one

    assert api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": sku}]}).status_code == 201
    assert api.get(PRODUCTS, {"sku": sku}).json()["results"][0]["variants"][0]["sku"] == sku


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sku", "code"),
    [("", "blank"), ("  ", "blank"), ("x" * 101, "invalid_sku"), ("A\n1", "invalid_sku"), ("A\x7f", "invalid_sku"),
     (None, "null"), (["A"], "invalid"), (True, "invalid")],
)  # fmt: skip
def test_what_is_no_sku_makes_no_product(api: JSONClient, sku: object, code: str):
    response = api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": sku}]})

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [("/variants/0/sku", code)]
    assert not Variant.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("sku", ["A/1", "A 1", "50%", "a?b#c", "A+1", "é", ".."])
def test_a_sku_is_found_by_its_percent_encoded_path(api: JSONClient, sku: str):
    make_product(sku)

    response = api.get(f"/api/v1/inventory/levels/{quote(sku, safe='')}/")

    assert (response.status_code, response.json()["sku"]) == (200, sku)
