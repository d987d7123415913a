"""Handles are normalised for every kind of input by one function, and unique as normalised."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from products import services
from products.handles import clean_handle
from products.models import MAX_NAME_LENGTH, Product
from tests.conftest import JSONClient
from tests.factories import make_product

PRODUCTS = "/api/v1/products/"


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("desk-lamp_2", "desk-lamp_2"),
        ("Desk Lamp", "desk-lamp"),
        ("  (Desk  &  Lamp)! ", "desk-lamp"),
        ("-odd--one-", "-odd--one-"),
        ("a - b", "a-b"),
        ("a/b.c", "a-b-c"),
        ("Cafe\u0301", "caf\u00e9"),
        ("levis\u00b7501", "levis-501"),
        ("हिन्दी", "हिन्दी"),
        ("กาแฟ ร้อน", "กาแฟ-ร้อน"),
        ("٣ قهوة", "٣-قهوة"),
        ("soft\u00adhyphen", "softhyphen"),
        ("می\u200cخواهم", "میخواهم"),
        ("ÄÖÜ", "äöü"),
        ("❤️ lamp", "lamp"),
        ("葛\U000e0100城", "葛城"),
        ("a\u034fb\u3164", "ab"),
        ("\u3164\u115f", ""),
        ("!!!", ""),
    ],
)
def test_only_letters_marks_digits_and_hyphens_stay(text: str, handle: str):
    assert clean_handle(text) == handle


@given(st.text(max_size=30))
def test_a_normalised_handle_stays_the_same(text: str):
    handle = clean_handle(text)

    assert clean_handle(handle) == handle
    assert unicodedata.is_normalized("NFC", handle)
    assert not any(character.isspace() or character in "/A" for character in handle)


@pytest.mark.django_db
def test_every_kind_of_input_is_normalised(editor: JSONClient):
    answer = editor.post(PRODUCTS, {"name": "A", "handle": "Desk Lamp", "variants": [{"sku": "A"}]})
    product = Product.objects.get(pk=answer.json()["id"])
    assert (answer.status_code, answer.json()["handle"]) == (201, "desk-lamp")

    patched = editor.patch(f"{PRODUCTS}{product.pk}/", {"handle": "Desk.Lamp Two"})
    assert patched.json()["handle"] == "desk-lamp-two"

    services.upsert_products(rows=[(0, {"name": "B", "handle": "Bulk Lamp", "variants": [{"sku": "B"}]})])
    assert Product.objects.filter(handle="bulk-lamp").exists()
    assert editor.get(PRODUCTS, {"handle": "Bulk LAMP"}).json()["results"][0]["name"] == "B"


@pytest.mark.django_db
def test_it_is_unique_as_normalised(editor: JSONClient):
    make_product("A", handle="desk-lamp")

    single = editor.post(PRODUCTS, {"name": "B", "handle": "Desk Lamp", "variants": [{"sku": "B"}]})
    rows = [{"name": "C", "handle": "DESK-LAMP", "variants": [{"sku": "C"}]}]
    bulk = editor.post(f"{PRODUCTS}bulk/", {"products": rows})

    assert (single.status_code, single.json()["code"]) == (409, "handle_taken")
    assert bulk.json()["results"][0]["errors"][0]["code"] == "handle_taken"
    assert Product.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("handle", ["!!!", "x" * (MAX_NAME_LENGTH + 1), ""])
def test_text_without_a_letter_is_refused(editor: JSONClient, handle: str):
    answer = editor.post(PRODUCTS, {"name": "A", "handle": handle, "variants": [{"sku": "A"}]})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/handle")
    assert not Product.objects.exists()
