"""The bounds of a request: each refusal has its status and says what the bound is."""

import pytest
from django.test import Client
from django.urls import get_resolver

from inventory.messages import BadMessage, parse
from pms_backend.api.limits import (
    MAX_FORM_FIELDS,
    MAX_FORM_FILES,
    MAX_HEADER_BYTES,
    MAX_JSON_DEPTH,
    MAX_QUERY_PARAMETERS,
    MAX_UPLOAD_BYTES,
    MAX_URL_BYTES,
)
from pms_backend.api.parsers import InvalidJSON, load_json
from pms_integration.services.receiving import parse_object
from tests.architecture.addresses import endpoints
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.staff import superuser

PRODUCTS = "/api/v1/products/"


def nested(depth: int, *, around: str = "") -> str:
    """A list so deep, with as many lists beside it as it takes to be looked at."""
    return f"[{around}" + "[" * (depth - 1) + "]" * depth


def code(response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def objects(depth: int) -> str:
    return '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)


@pytest.mark.parametrize("make", [nested, objects])
def test_json_may_be_as_deep_as_the_limit_and_no_deeper(make):
    load_json(make(MAX_JSON_DEPTH))

    for depth in (MAX_JSON_DEPTH + 1, 254, 255, 1024, 1025, 100_000):
        with pytest.raises(InvalidJSON, match=f"is nested deeper than {MAX_JSON_DEPTH} levels"):
            load_json(make(depth).encode())


@pytest.mark.parametrize(
    "value", ["[" + "[]," * 5_000 + "[]]", '"' + "[" * 5_000 + '"', '{"a": "' + "{" * 500 + '"}', "1"]
)
def test_many_brackets_are_not_deep(value: str):
    load_json(value)


def test_requests_webhooks_and_sockets_have_the_same_depth_limit():
    deep = objects(MAX_JSON_DEPTH + 1)

    with pytest.raises(InvalidJSON, match="is nested deeper than 64 levels"):
        parse_object(deep.encode())
    with pytest.raises(BadMessage, match="A message is nested deeper than 64 levels"):
        parse(deep)


@pytest.mark.django_db
def test_a_stored_value_as_deep_as_the_limit_can_be_returned(api: JSONClient):
    deep = load_json(objects(MAX_JSON_DEPTH - 1))

    made = api.post(PRODUCTS, {"name": "Lamp", "attributes": {"a": deep["a"]}, "variants": [{"sku": "A-1"}]})

    assert made.status_code == 201
    assert api.get(f"{PRODUCTS}{made.json()['id']}/").json()["attributes"] == {"a": deep["a"]}


@pytest.mark.django_db
def test_an_address_that_is_too_long_is_414(api: JSONClient):
    fits = "x" * (MAX_URL_BYTES - len(PRODUCTS) - len("brand="))

    assert api.get(f"{PRODUCTS}?brand={fits}").status_code == 200
    assert code(api.get(f"{PRODUCTS}?brand={fits}x")) == (414, "url_too_long")
    assert code(Client().get("/" + "x" * MAX_URL_BYTES)) == (414, "url_too_long")


@pytest.mark.django_db
def test_too_many_query_parameters_are_400(api: JSONClient):
    make_product()
    many = "&".join(f"a{number}=1" for number in range(MAX_QUERY_PARAMETERS))

    assert code(api.get(f"{PRODUCTS}?{many}")) == (422, "validation_failed")
    assert code(api.get(f"{PRODUCTS}?{many}&b=1")) == (400, "malformed")


def test_headers_that_are_too_large_are_431():
    assert Client().get("/health/live", headers={"X-Much": "x" * (MAX_HEADER_BYTES - 1_000)}).status_code == 200
    assert code(Client().get("/health/live", headers={"X-Much": "x" * MAX_HEADER_BYTES})) == (431, "headers_too_large")


def test_no_view_accepts_more_than_the_web_server():
    longest = [getattr(endpoint.view, "max_form_bytes", 0) for endpoint in endpoints(get_resolver())]

    assert 0 < max(longest) <= MAX_UPLOAD_BYTES


@pytest.mark.django_db
@pytest.mark.parametrize("count", [MAX_FORM_FIELDS + 1, pytest.param(MAX_FORM_FIELDS * 10, marks=pytest.mark.slow)])
def test_a_form_with_too_many_fields_is_400(count: int):
    response = superuser().post("/admin/products/category/add/", {f"field-{number}": "1" for number in range(count)})

    assert response.status_code == 400


def test_a_form_with_too_many_files_is_400():
    files = "".join(
        f'--x\r\nContent-Disposition: form-data; name="f{number}"; filename="f"\r\n\r\n1\r\n' for number in range(11)
    )

    response = Client(enforce_csrf_checks=True).generic(
        "POST", "/admin/login/", f"{files}--x--\r\n", content_type="multipart/form-data; boundary=x"
    )

    assert MAX_FORM_FILES == 10
    assert response.status_code in (400, 403)


@pytest.mark.parametrize("length", ["-1", "1e3", "²", "9" * 5_000, "+5", "0x10"])
@pytest.mark.django_db
def test_an_invalid_content_length_is_harmless(api: JSONClient, length: str):
    response = api.generic("POST", PRODUCTS, b"{}", content_type="application/json", CONTENT_LENGTH=length)

    assert code(response) == (400, "malformed")
