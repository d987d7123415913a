"""Every error is an RFC 9457 problem, whoever found it."""

import re
import time

import pytest
from django.db import close_old_connections, connection
from django.test import Client

from pms_backend.api.context import MAX_REQUEST_ID_LENGTH
from pms_backend.api.exceptions import Conflict, DomainError, Forbidden, Invalid, NotFound, Unauthenticated
from pms_backend.api.problems import FieldError
from pms_backend.events.models import Event
from products import services
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_product

PRODUCTS = "/api/v1/products/"
SAME_SKU_AGAIN = """
INSERT INTO products_variant (product_id, sku, sku_key, barcode, name, currency, options, position)
SELECT product_id, sku, sku_key, '', '', currency, '{}', 0 FROM products_variant
"""
MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "errors"}


def problem(response, status: int, code: str) -> dict:
    """The problem that was answered, which has to be whole."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert set(body) == MEMBERS
    assert (body["type"], body["status"], body["code"]) == ("about:blank", status, code)
    assert body["request_id"] == response["X-Request-Id"] != ""
    assert "Traceback" not in body["detail"]
    return body


def test_an_unknown_address_is_404():
    body = problem(Client().get("/api/v1/nothing/"), 404, "not_found")

    assert body["title"] == "Not Found"
    assert body["detail"] == "There is nothing at this address."
    assert body["errors"] == []


def test_an_address_without_its_slash_is_404():
    problem(Client().get("/api/v1/products"), 404, "not_found")


@pytest.mark.django_db
def test_an_unknown_row_is_404(api: JSONClient):
    problem(api.get(f"{PRODUCTS}1/"), 404, "product_not_found")
    problem(api.get("/api/v1/inventory/locations/nowhere/"), 404, "not_found")


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"{", b" ", b"[1,]", b"{'a': 1}", b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff\xfe"])
def test_a_body_that_is_no_json_is_400(api: JSONClient, body: bytes):
    response = api.post(PRODUCTS, body, content_type="application/json")

    assert problem(response, 400, "malformed")["detail"].startswith("The body is not JSON")
    assert not Product.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"[]", b'"a"', b"1", b"null"])
def test_a_body_that_is_no_object_is_422(api: JSONClient, body: bytes):
    response = api.post(PRODUCTS, body, content_type="application/json")

    assert problem(response, 422, "validation_failed")["errors"] != []
    assert not Product.objects.exists()


@pytest.mark.django_db
def test_a_deeply_nested_body_is_400(api: JSONClient):
    body = b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    problem(api.post(PRODUCTS, body, content_type="application/json"), 400, "malformed")


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=a"])
def test_a_body_of_another_type_is_415(api: JSONClient, content_type: str):
    problem(api.post(PRODUCTS, b"<a/>", content_type=content_type), 415, "unsupported_media_type")


@pytest.mark.django_db
def test_an_answer_in_another_type_is_406(api: JSONClient):
    problem(api.get(PRODUCTS, HTTP_ACCEPT="application/xml"), 406, "not_acceptable")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path"), [("delete", PRODUCTS), ("post", "/api/v1/events/"), ("put", "/api/v1/events/")]
)
def test_a_method_that_a_path_does_not_support_is_405(api: JSONClient, method: str, path: str):
    response = getattr(api, method)(path, {})

    problem(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", [PRODUCTS, f"{PRODUCTS}export/", "/api/v1/events/", "/api/v1/webhooks/pms/demo/"])
def test_allow_stands_where_it_answers_something(api: JSONClient, path: str):
    answers = {method: getattr(api, method)(path) for method in ("get", "post", "options", "trace")}

    for answer in answers.values():
        assert ("Allow" in answer) == (answer.status_code == 405 or answer is answers["options"]), answer
    assert answers["options"].status_code == 200


@pytest.mark.django_db
def test_an_unknown_method_is_405(api: JSONClient):
    problem(api.generic("BREW", PRODUCTS), 405, "method_not_allowed")


@pytest.mark.django_db
def test_a_body_that_is_too_large_is_413(api: JSONClient, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000

    response = api.post(PRODUCTS, {"name": "x" * 1_000, "variants": [{"sku": "A-1"}]})

    problem(response, 413, "too_large")
    assert not Product.objects.exists()


@pytest.mark.django_db
def test_too_many_query_parameters_are_400(api: JSONClient, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10

    problem(api.get(PRODUCTS + "?" + "&".join(f"a{number}=1" for number in range(11))), 400, "malformed")


@pytest.mark.django_db
def test_invalid_input_is_422_with_pointers(api: JSONClient):
    variants = [{"sku": "A-1"}, {"sku": "A-2", "price": "-1", "options": {"a/b~c": []}}]

    response = api.post(PRODUCTS, {"name": "", "variants": variants})

    errors = problem(response, 422, "validation_failed")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [
        ("/name", "blank"),
        ("/variants/1/price", "min_value"),
        ("/variants/1/options/a~1b~0c", "invalid"),
    ]
    assert not Product.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {"name": "a\x00b", "variants": [{"sku": "A-1"}]},
        {"name": "a", "variants": [{"sku": "A\x001"}]},
        {"name": "a", "tags": ["a\x00"], "variants": [{"sku": "A-1"}]},
        {"name": "a", "variants": [{"sku": "A-1", "options": {"a": "\x00"}}]},
    ],
)
def test_nul_characters_in_a_body_are_422(api: JSONClient, body: dict):
    problem(api.post(PRODUCTS, body), 422, "validation_failed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("more", [{"attributes": {"a": "\x00"}}, {"attributes": {"a\x00": 1}}])
def test_nul_characters_within_json_are_422(api: JSONClient, more: dict):
    response = api.post(PRODUCTS, {"name": "a", "variants": [{"sku": "A-1"}], **more})

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert not Product.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nul_characters_as_the_name_of_an_option_are_422(api: JSONClient):
    response = api.post(PRODUCTS, {"name": "a", "variants": [{"sku": "A-1", "options": {"\x00": "a"}}]})

    assert response.status_code == 422
    assert not Product.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PRODUCTS}?brand=%00", 422),
        (f"{PRODUCTS}?sku=%00", 422),
        (f"{PRODUCTS}?cursor=%00", 400),
        ("/api/v1/events/?subject=%00", 422),
        ("/api/v1/inventory/levels/%00/", 404),
        ("/api/v1/inventory/locations/%00/", 422),
        ("/api/v1/%00/", 404),
    ],
)
def test_nul_characters_in_an_address_are_refused(api: JSONClient, path: str, status: int):
    response = api.get(path)

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_a_number_that_fits_no_column_is_not_a_500(api: JSONClient):
    assert api.get(f"{PRODUCTS}999999999999999999/").status_code == 404
    assert api.get(f"{PRODUCTS}9999999999999999999999/").status_code == 404
    assert api.get("/api/v1/events/?after=99999999999999999999").status_code == 422


@pytest.mark.django_db
def test_an_unexpected_error_is_a_500_that_reveals_nothing(api: JSONClient, monkeypatch, caplog):
    def fail(**_):
        raise RuntimeError("the secret is xyzzy")

    monkeypatch.setattr(services, "create_product", fail)

    response = api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1"}]})

    problem(response, 500, "internal_error")
    assert b"xyzzy" not in response.content
    assert "the secret is xyzzy" in caplog.text


@pytest.mark.django_db
def test_a_failure_outside_of_a_view_is_500_too(monkeypatch, client: Client, caplog):
    def fail(_):
        raise RuntimeError("the secret is xyzzy")

    monkeypatch.setattr("pms_backend.access.request_checks.rate_of", fail)
    client.raise_request_exception = False

    response = client.get(PRODUCTS)

    problem(response, 500, "internal_error")
    assert b"xyzzy" not in response.content


@pytest.mark.django_db(transaction=True)
def test_a_lost_database_is_503_with_retry_after(api: JSONClient, monkeypatch):
    with monkeypatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", "1")
        response = api.get(PRODUCTS)
    connection.close()

    body = problem(response, 503, "database_unavailable")
    assert body["detail"] == "The database did not answer; nothing was written."
    assert response["Retry-After"] == "2"
    assert api.get(PRODUCTS).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_broken_connection_is_503_once_and_replaced(api: JSONClient):
    with connection.cursor() as cursor:
        cursor.execute("SET idle_session_timeout = '20ms'")
    time.sleep(0.1)

    broken = api.get(PRODUCTS)
    # What a server does at the end of each request, and the test client leaves out.
    close_old_connections()
    healed = api.get(PRODUCTS)

    problem(broken, 503, "database_unavailable")
    assert healed.status_code == 200


@pytest.mark.parametrize(
    ("kind", "status"), [(NotFound, 404), (Invalid, 422), (Conflict, 409), (Forbidden, 403), (Unauthenticated, 401)]
)
@pytest.mark.django_db
def test_each_domain_error_has_its_status(api: JSONClient, monkeypatch, kind: type[DomainError], status: int):
    class Special(kind):
        code = "special"

    def refuse(**_):
        raise Special("No.", errors=[FieldError("/name", "bad", "It is bad.")])

    monkeypatch.setattr(services, "create_product", refuse)

    body = problem(api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1"}]}), status, "special")

    assert body["detail"] == "No."
    assert body["errors"] == [{"pointer": "/name", "code": "bad", "detail": "It is bad."}]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("UPDATE products_product SET name = ''", 422, "invalid"),
        (SAME_SKU_AGAIN, 409, "conflict"),
        ("DELETE FROM products_product", 409, "conflict"),
        ("UPDATE products_product SET name = repeat('x', 256)", 422, "invalid"),
    ],
    ids=["check", "unique", "foreign key", "too long"],
)
def test_a_violated_constraint_is_not_a_500(api: JSONClient, monkeypatch, sql: str, status: int, code: str):
    make_product()

    def write(**_):
        with connection.cursor() as cursor:
            cursor.execute(sql)

    monkeypatch.setattr(services, "create_product", write)

    problem(api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "B-1"}]}), status, code)


@pytest.mark.django_db
def test_an_unknown_filter_is_422_and_named(api: JSONClient):
    make_product()

    body = problem(api.get(f"{PRODUCTS}?stauts=draft&sku=A-1"), 422, "validation_failed")

    assert body["errors"] == [{"pointer": "/stauts", "code": "unknown_filter", "detail": "There is no such filter."}]


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["status=nonsense", "updated_after=yesterday", "in_stock=perhaps"])
def test_an_invalid_value_of_a_filter_is_422(api: JSONClient, query: str):
    body = problem(api.get(f"{PRODUCTS}?{query}"), 422, "validation_failed")

    assert [error["pointer"] for error in body["errors"]] == [f"/{query.partition('=')[0]}"]


def test_the_admins_pages_are_for_people():
    response = Client().get("/admin/nothing")

    assert not response["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("sent", ["abc-123", "a" * MAX_REQUEST_ID_LENGTH, "01J:x.y_z"])
def test_a_valid_request_id_is_used(sent: str):
    response = Client().get("/health/live", HTTP_X_REQUEST_ID=sent)

    assert response["X-Request-Id"] == sent


@pytest.mark.parametrize("sent", ["", "a b", "a" * (MAX_REQUEST_ID_LENGTH + 1), "<script>", "ä", 'a"b', "a\nb"])
def test_any_other_request_id_is_replaced(sent: str):
    response = Client().get("/health/live", HTTP_X_REQUEST_ID=sent)

    assert re.fullmatch("[0-9a-f]{32}", response["X-Request-Id"])


@pytest.mark.django_db
def test_the_request_id_is_written_into_events(api: JSONClient):
    api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1"}]}, HTTP_X_REQUEST_ID="mine-1")

    assert list(Event.objects.values_list("request_id", "actor")) == [("mine-1", "client:tests")]
