"""Which texts are SKUs, and when two SKUs are equal."""

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.models import MAX_CODE_LENGTH
from inventory.services import create_transfer
from products.exceptions import InvalidSku
from products.models import Variant
from products.skus import MAX_SKU_KEY_LENGTH, MAX_SKU_LENGTH, as_sku_key, clean_sku, sku_key, sku_keys
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.staff import superuser

PRODUCTS = "/api/v1/products/"
COMPOSED, DECOMPOSED = "CAF\u00c9", "CAFE\u0301"


@pytest.mark.parametrize(
    ("text", "sku"),
    [
        ("A-1", "A-1"),
        ("  A-1\n", "A-1"),
        ("\u00a0A-1\u3000", "A-1"),
        ("a b/c", "a b/c"),
        ("x" * 255, "x" * 255),
        (" " + "x" * 255 + " ", "x" * 255),
        ("A\u200b-1", "A\u200b-1"),
        (DECOMPOSED, COMPOSED),
        ("日本-1", "日本-1"),
    ],
)
def test_a_sku_is_stored_in_nfc_without_outer_spaces(text: str, sku: str):
    assert clean_sku(text) == sku


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "x" * 256,
        "\u200b",
        "\u00ad \ufeff",
        "\ufdfa" * 255,
        "A\x001",
        "A\n1",
        "A\t1",
        "A\x7f1",
        "A\x851",
        "A\ud8001",
    ],
)
def test_an_invalid_sku_is_refused(text: str):
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
        ("straße", "STRAẞE"),
        ("ﬁve", "FIVE"),
        ("Ａ－１", "a-1"),
        ("①", "1"),
        ("A\u00a01", "a 1"),
        ("ΌΔΌΣ", "όδός"),
        ("\u1fb3", "\u0391\u0399"),
        ("q\u0307\u0323", "q\u0323\u0307"),
        ("İ", "i\u0307"),
        ("A\u200b-\u00ad1\ufeff", "a-1"),
        ("\u200bA-1 \u200d", "a-1"),
        ("A\ufe0f", "A"),
    ],
)
def test_skus_that_differ_only_in_case_or_form_are_equal(one: str, other: str):
    assert sku_key(one) == sku_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A-1", "A 1"),
        ("A", "B"),
        ("A  1", "A 1"),
        ("O", "0"),
        ("ı", "I"),
        ("ş", "s"),
        ("é", "e"),
        ("A-1", "A\u20101"),
        ("\u0391", "A"),
    ],
)
def test_other_skus_differ(one: str, other: str):
    assert sku_key(one) != sku_key(other)


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=MAX_SKU_LENGTH))
def test_a_key_is_the_key_of_its_sku_and_of_itself_and_fits_its_column(text: str):
    key = as_sku_key(text)

    if key is not None:
        assert key == sku_key(clean_sku(text)) == sku_key(text) == sku_key(key)
        assert sku_keys([clean_sku(text), "A-1"]) == [key, "a-1"]
        assert len(key.encode()) <= MAX_SKU_KEY_LENGTH


@pytest.mark.django_db
def test_the_longest_key_fits(api: JSONClient):
    sku = "\u0390" * 255  # without case three characters for one

    assert api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": sku}]}).status_code == 201
    assert api.get(PRODUCTS, {"sku": sku}).json()["results"][0]["variants"][0]["sku"] == sku


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sku", "code"),
    [("", "blank"), ("  ", "blank"), ("x" * 256, "invalid_sku"), ("\u200b", "invalid_sku"),
     ("A\n1", "invalid_sku"), ("A\x7f", "invalid_sku"),
     (None, "null"), (["A"], "invalid"), (True, "invalid")],
)  # fmt: skip
def test_an_invalid_sku_creates_no_product(api: JSONClient, sku: object, code: str):
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


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("taken", "sku"),
    [("BUG-STRAßE", "BUG-STRAẞE"), ("ﬁve", "FIVE"), ("Ａ-1", "a-1"), ("A-1", "A\u200b-1"), ("CAFÉ", "cafe\u0301")],
)
def test_a_sku_that_differs_in_case_or_form_alone_is_taken(api: JSONClient, taken: str, sku: str):
    assert api.post(PRODUCTS, {"name": "First", "variants": [{"sku": taken}]}).status_code == 201

    second = api.post(PRODUCTS, {"name": "Second", "variants": [{"sku": sku}]})

    assert (second.status_code, second.json()["code"]) == (409, "sku_taken")
    assert Variant.objects.get().sku == unicodedata.normalize("NFC", taken)


@pytest.mark.django_db
@pytest.mark.parametrize("written", ["STRAẞE-1", "strasse\u200b-1", " Ｓtraße-1 "])
def test_every_look_up_finds_a_sku_however_it_is_written(api: JSONClient, written: str):
    make_product("Straße-1")
    make_location("main")
    set_stock("Straße-1", "main", 5)
    line = {"sku": written, "location": "main"}

    found = [
        api.get(f"/api/v1/inventory/levels/{quote(written, safe='')}/").json()["sku"],
        api.get("/api/v1/inventory/levels/", {"sku": written}).json()["results"][0]["sku"],
        api.get(PRODUCTS, {"sku": written}).json()["results"][0]["variants"][0]["sku"],
        api.get(PRODUCTS, {"search": written}).json()["results"][0]["variants"][0]["sku"],
        api.get(f"{PRODUCTS}variants/", {"sku": written}).json()["results"][0]["sku"],
        api.get("/api/v1/inventory/movements/", {"sku": written}).json()["results"][0]["sku"],
        api.post("/api/v1/inventory/adjustments/", line | {"delta": 1, "reason": "receipt"}).json()["level"]["sku"],
        api.post("/api/v1/inventory/availability/", {"skus": [written]}).json()["results"][0]["sku"],
    ]
    bulk = api.post("/api/v1/inventory/counts/bulk/", {"counts": [line | {"on_hand": 9}]}).json()
    upsert = api.post(f"{PRODUCTS}bulk/", {"products": [{"name": "Street", "variants": [{"sku": written}]}]}).json()

    assert found[:7] == ["Straße-1"] * 7
    assert (bulk["summary"], upsert["summary"]) == ({"applied": 1}, {"updated": 1})


@pytest.mark.django_db
def test_the_longest_sku_fits_wherever_it_goes(api: JSONClient):
    sku = "\U0001f4a1" * MAX_SKU_LENGTH
    make_location("l" * MAX_CODE_LENGTH)
    make_product(sku)

    answer = api.post("/api/v1/inventory/counts/", {"sku": sku, "location": "l" * MAX_CODE_LENGTH, "on_hand": 5})

    assert answer.json()["level"]["sku"] == sku
    assert api.get("/api/v1/events/", {"types": "stock.changed"}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("written", ["Straße-1", "strasse-1", "STRAẞE-1", "Ｓtraße\u200b-1"])
def test_the_admin_finds_a_sku_however_it_is_written(written: str):
    make_product("Other")
    lamp = make_product("Straße-1")
    for code in ("main", "shop"):
        make_location(code)
        set_stock("Straße-1", code, 5)
    transfer = create_transfer(source="main", target="shop", lines=[("Straße-1", 1)])
    staff = superuser()

    found = {
        name: list(staff.get(f"/admin/{name}/", {"q": written}).context["cl"].queryset.values_list("pk", flat=True))
        for name in ("products/product", "inventory/transfer", "inventory/stocklevel")
    }

    assert found["products/product"] == [lamp.pk]
    assert found["inventory/transfer"] == [transfer.pk]
    assert len(found["inventory/stocklevel"]) == 2
