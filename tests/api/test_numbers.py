"""A number is what JSON or ASCII digits say; no digit of it is lost, and nothing else becomes one."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from inventory.models import StockLevel
from pms_backend.api.exact_json import ExactNumber, decimal_of, exact_json
from pms_backend.api.forms import DecimalField, IntegerField, PlainIntegerField
from pms_backend.api.parsers import InvalidJSON, load_json, load_signed_json
from pms_backend.api.renderers import to_json
from pms_backend.api.service_admin import ServiceAdmin
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

PRODUCTS, INVENTORY, FEED = "/api/v1/products/", "/api/v1/inventory/", "/api/v1/events/"
# What Python, DRF and Django take for a number.
NO_NUMBERS = ["1_000", "٥", "１２", " 5 ", "5 ", "+5", "5.0", "1e2", "0x5", "", "five", "NaN", True, [], {}]
LEVEL = {"sku": "A-1", "location": "main"}


@pytest.fixture
def _ten_lamps() -> None:
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", 10)


@pytest.mark.django_db
@pytest.mark.usefixtures("_ten_lamps")
@pytest.mark.parametrize("number", [*NO_NUMBERS, 1.5, None], ids=repr)
@pytest.mark.parametrize(
    ("path", "member", "body"),
    [
        ("adjustments/", "delta", LEVEL | {"reason": "receipt"}),
        ("adjustments/", "expected_version", LEVEL | {"reason": "receipt", "delta": 1}),
        ("counts/", "on_hand", LEVEL),
        ("reservations/", "expires_in", {"reference": "R", "lines": [{"sku": "A-1", "quantity": 1}]}),
        ("locations/", "priority", {"code": "shop", "name": "Shop"}),
    ],
)
def test_an_invalid_number_changes_no_stock(api: JSONClient, path: str, member: str, body: dict[str, Any], number: Any):
    response = api.post(INVENTORY + path, body | {member: number})

    assert response.status_code == 422, response.content
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{member}"]
    assert StockLevel.objects.values_list("on_hand", "reserved", "version").get() == (10, 0, 1)


@pytest.mark.django_db
@pytest.mark.usefixtures("_ten_lamps")
@pytest.mark.parametrize(("sent", "delta"), [("5", 5), ("005", 5), ("-5", -5), (5, 5), (5.0, 5)])
def test_ascii_digits_and_whole_numbers_are_numbers(api: JSONClient, sent: Any, delta: int):
    response = api.post(f"{INVENTORY}adjustments/", LEVEL | {"delta": sent, "reason": "correction"})

    assert response.json()["movement"]["delta"] == delta


@pytest.mark.django_db
@pytest.mark.parametrize(
    "price", ["1_000", "٥", "１２", " 5 ", "+5", "1e2", ".5", "5.", "1,5", "", "NaN", "Infinity", True, [], 0.125]
)
def test_an_invalid_price_creates_no_product(api: JSONClient, price: Any):
    response = api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1", "price": price}]})

    assert [error["pointer"] for error in response.json()["errors"]] == ["/variants/0/price"]
    assert not Product.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "price"),
    [
        ("0.1", "0.10"),
        ("-0.0", "0.00"),
        ('"-0"', "0.00"),
        ("1e3", "1000.00"),
        ("19.99", "19.99"),
        ("9999999999.99", "9999999999.99"),
        ('"12.5"', "12.50"),
    ],
)
def test_a_price_keeps_its_digits(api: JSONClient, sent: str, price: str):
    body = f'{{"name": "Lamp", "variants": [{{"sku": "A-1", "price": {sent}}}]}}'

    assert api.post(PRODUCTS, body, content_type="application/json").json()["variants"][0]["price"] == price


@pytest.mark.django_db
def test_a_price_of_more_digits_than_a_float_keeps_is_not_rounded_into_a_valid_one(api: JSONClient):
    body = '{"name": "Lamp", "variants": [{"sku": "A-1", "price": 9.9900000000000000001}]}'

    assert api.post(PRODUCTS, body, content_type="application/json").status_code == 422
    assert not Product.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "sku"), [("12345678901234567890123", "12345678901234567890123"), ("42", "42"), ("4006381333931", None)]
)
def test_a_whole_number_where_text_belongs_keeps_its_digits(api: JSONClient, sent: str, sku: str | None):
    body = f'{{"name": "Big", "variants": [{{"sku": {sent}}}]}}'

    assert api.post(PRODUCTS, body, content_type="application/json").json()["variants"][0]["sku"] == (sku or sent)


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["4006381333931.0", "1.50", "1e22", "12345678901234567890.5", "true", "[]"])
@pytest.mark.parametrize("member", ["sku", "barcode", "name"])
def test_any_other_number_is_refused_as_text(api: JSONClient, member: str, number: str):
    variant = f'{{"sku": "A-1", "{member}": {number}}}' if member != "sku" else f'{{"sku": {number}}}'
    body = f'{{"name": "Lamp", "variants": [{variant}]}}'

    response = api.post(PRODUCTS, body, content_type="application/json")

    assert [error["pointer"] for error in response.json()["errors"]] == [f"/variants/0/{member}"]


@pytest.mark.django_db
@pytest.mark.usefixtures("_ten_lamps")
@pytest.mark.parametrize("truth", ["true", "false", "yes", "1", "", 1, 0, 1.0, None, []])
def test_a_boolean_in_a_body_is_true_or_false(api: JSONClient, truth: Any):
    body = LEVEL | {"delta": 1, "reason": "receipt", "reference": "R", "dedupe": truth}

    response = api.post(f"{INVENTORY}adjustments/", body)

    assert [error["pointer"] for error in response.json()["errors"]] == ["/dedupe"]


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["1_0", "٥", "１２", " 5", "+5", "5.0", "1e2", ""])
@pytest.mark.parametrize("parameter", ["after", "limit"])
def test_the_feed_accepts_only_ascii_digits(api: JSONClient, parameter: str, number: str):
    response = api.get(FEED, {parameter: number})

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"/{parameter}")


@pytest.mark.parametrize(
    "text",
    ["12345678901234567890123", "0.1234567890123456789", "1e-400", "9007199254740993.0", "4006381333931.05", "-5e-324",
     "18446744073709551616", "1234567890123456e7"],
)  # fmt: skip
def test_json_keeps_every_digit(text: str):
    number = load_json(f'{{"n": [{text}]}}'.encode())["n"][0]

    assert (decimal_of(number) if isinstance(number, float) else Decimal(number)) == Decimal(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e300"), max_value=Decimal("1e300")))
def test_json_keeps_every_digit_of_any_number(number: Decimal):
    text = f"{number:e}"

    assert decimal_of(float_or_exact(exact_json(text))) == Decimal(text)


def float_or_exact(number: Any) -> float:
    return number if isinstance(number, float) else ExactNumber(str(number))


@pytest.mark.parametrize("text", ["1" * 5_000, "1e400", "[1e-99999999999999999999]", "[" * 999 + "1" * 20 + "]" * 999])
def test_a_number_that_is_too_large_is_refused(text: str):
    with pytest.raises(InvalidJSON):
        load_json(text.encode())


def test_a_signed_body_with_such_a_number_is_refused():
    # Written out, such a number is as long as its exponent says.
    with pytest.raises(InvalidJSON):
        load_signed_json(b'{"on_hand": 1e99999999, "note": "\\ud800"}')


@pytest.mark.django_db
def test_attributes_keep_whole_numbers_of_any_length_and_show_them(api: JSONClient):
    body = b'{"name": "Lamp", "attributes": {"n": 12345678901234567890123}, "variants": [{"sku": "A-1"}]}'

    created = api.post(PRODUCTS, body, content_type="application/json")

    assert b'"n":12345678901234567890123' in created.content
    assert b'"n":12345678901234567890123' in api.get(PRODUCTS).content
    assert api.put(f"{PRODUCTS}{created.json()['id']}/", json.loads(created.content)).status_code == 200


@pytest.mark.django_db
def test_attributes_hold_no_number_that_would_lose_digits(api: JSONClient):
    body = b'{"name": "Lamp", "attributes": {"n": 0.12345678901234567890123}, "variants": [{"sku": "A-1"}]}'

    response = api.post(PRODUCTS, body, content_type="application/json")

    assert [error["code"] for error in response.json()["errors"]] == ["too_many_digits"]


def test_a_long_number_is_written_with_its_digits_or_as_a_float_of_the_same_value():
    assert to_json([12345678901234567890123, 10**30, 10**400]) == f"[12345678901234567890123,1e+30,{10**400}]".encode()


@pytest.mark.parametrize("number", ["1_000", "٥", "１２", "5 5", "+5", "5.0", "1e2", "five"])
@pytest.mark.parametrize("field", [IntegerField, PlainIntegerField])
def test_a_form_accepts_only_ascii_digits(field: type[forms.IntegerField], number: str):
    with pytest.raises(ValidationError):
        field().clean(number)


@pytest.mark.parametrize("number", ["1_000", "٥", "１２", "5 5", "+5", "1e2", "five", "NaN"])
def test_a_form_accepts_an_amount_only_in_ascii_digits(number: str):
    with pytest.raises(ValidationError):
        DecimalField().clean(number)


def test_a_form_accepts_the_values_that_it_shows():
    assert (IntegerField().clean("-15"), DecimalField().clean("12.50")) == (-15, Decimal("12.50"))
    assert (IntegerField(required=False).clean(""), DecimalField(required=False).clean("")) == (None, None)


def test_the_admin_has_no_other_fields_for_numbers():
    fields = [
        model_admin.formfield_for_dbfield(column, request=None)
        for model_admin in site._registry.values()
        if isinstance(model_admin, ServiceAdmin)
        for column in model_admin.model._meta.fields
        if not column.is_relation and column.editable
    ]
    numbers = [field for field in fields if isinstance(field, forms.IntegerField)]

    assert len(numbers) > 5
    assert all(isinstance(field, IntegerField | DecimalField) for field in numbers)
