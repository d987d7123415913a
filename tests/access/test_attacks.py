"""What an attacker sends, to every address that the URLs hold: it is refused, nothing breaks, nothing is written."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import get_resolver

from inventory.models import Location, StockLevel, StockMovement
from pms_backend.api.limits import MAX_BODY_BYTES, MAX_JSON_DEPTH
from pms_backend.events.models import Event
from products.models import Product, ProductStatus, Variant
from products.services import create_category
from tests.architecture import addresses
from tests.architecture.addresses import Endpoint, endpoints, schema_of
from tests.architecture.sources import PACKAGES
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.rolling_back import rolled_back

pytestmark = pytest.mark.django_db

JSON = "application/json"
PRODUCTS = "/api/v1/products/"
OURS = [endpoint for endpoint in endpoints(get_resolver()) if endpoint.url.startswith("/api/v1/")]
WRITES = [endpoint for endpoint in OURS if endpoint.method != "get"]
READS = [endpoint for endpoint in OURS if endpoint.method == "get"]
TYPES = [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
    "text/json", "application/jsonp", "application/json-seq", "nonsense", "*/*", "",
]  # fmt: skip
INJECTIONS = [
    "' OR '1'='1", "1 OR 1=1", "'; DROP TABLE products_product; --", "1) UNION SELECT NULL, version() --", "%' --",
    '"; SELECT pg_sleep(5); --', "{{7*7}}", "../../etc/passwd", "<script>", "A\r\nSet-Cookie: injected=1", "\x1b[31m",
    "1e400", "NaN", "9" * 400, "-" + "9" * 30, "\x00", "A\x00B", "\u202e", "é" * 50,
]  # fmt: skip
# Not UTF-8, a lone surrogate, overlong, cut off.
BAD_BYTES = ["%ff", "%ed%a0%80", "%c0%af", "%e2%82", "%", "%zz", "%u0041"]
# Those that do not narrow what a list shows.
PAGE_PARAMETERS = {"cursor", "page_size", "format", "limit", "after"}


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.url}"


def takes_json(endpoint: Endpoint) -> bool:
    """Whether the endpoint reads a body, by the schema: some actions have none."""
    return JSON in schema_of(endpoint).get("requestBody", {}).get("content", {})


def is_signed(endpoint: Endpoint) -> bool:
    """The inbound webhook: it looks at the signature before anything else."""
    return endpoint.name == "pms-webhook"


@pytest.fixture
def shop() -> Product:
    """Something to steal and to break."""
    product = make_product("A-1", status="active")
    set_stock("A-1", make_location("main"), 5)
    create_category(name="Main", slug="main")
    return product


@pytest.fixture
def nothing_is_written(shop: Product, api: JSONClient):
    before = written()
    yield
    assert written() == before


def written() -> dict[str, Any]:
    """How many rows there are of each of our models, and the figures that must not move."""
    tables = [model._meta.db_table for model in apps.get_models() if model.__module__.split(".")[0] in PACKAGES]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'(SELECT count(*) FROM {table})' for table in tables)}")
        counts: dict[str, Any] = dict(zip(tables, cursor.fetchone(), strict=True))
    return counts | {
        "products": list(Product.objects.values_list("name", "status", "version").order_by("id")),
        "levels": list(StockLevel.objects.values_list("on_hand", "version").order_by("id")),
        "locations": list(Location.objects.values_list("code", "name").order_by("id")),
    }


def assert_refused(response: Any, *statuses: int) -> None:
    assert response.status_code in statuses, (response.status_code, response.content[:300])
    assert response["Content-Type"] == "application/problem+json"
    assert b"Traceback" not in response.content
    assert "Set-Cookie" not in response.headers


def send(client: Client, endpoint: Endpoint, body: bytes, content_type: str = JSON, **more: Any) -> Any:
    return client.generic(endpoint.method.upper(), endpoint.url, body, content_type=content_type, **more)


every_write = pytest.mark.parametrize("endpoint", WRITES, ids=name_of)
every_read = pytest.mark.parametrize("endpoint", READS, ids=name_of)


def test_there_is_something_to_attack():
    assert len(WRITES) > 15
    assert len(READS) > 8
    assert sum(takes_json(endpoint) for endpoint in WRITES) > 10


@every_write
@pytest.mark.usefixtures("nothing_is_written")
def test_a_body_of_another_type_is_415(api: JSONClient, endpoint: Endpoint):
    taken = {parser.media_type for parser in endpoint.view.parser_classes}
    if "*/*" in taken:
        assert is_signed(endpoint)
        return

    for content_type in TYPES:
        if content_type.partition(";")[0] not in taken:
            assert_refused(send(api, endpoint, b'{"name": "x"}', content_type), 415)


@every_write
@pytest.mark.usefixtures("nothing_is_written")
def test_a_body_above_the_limit_is_413(api: JSONClient, endpoint: Endpoint):
    taken = {parser.media_type for parser in endpoint.view.parser_classes}
    # A form with files has a limit of its own, and JSON is no such form.
    status = 415 if taken == {"multipart/form-data"} else 413

    assert_refused(send(api, endpoint, b'{"a": "' + b"x" * (MAX_BODY_BYTES - 8) + b'"}'), status)


@every_write
@pytest.mark.usefixtures("nothing_is_written")
def test_nesting_beyond_the_limit_is_400(api: JSONClient, endpoint: Endpoint):
    if not takes_json(endpoint) or is_signed(endpoint):
        return

    for depth in (MAX_JSON_DEPTH + 1, 5_000):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            response = send(api, endpoint, opening * (depth - 1) + b"[]" + closing * (depth - 1))
            assert_refused(response, 400)
            assert response.json()["detail"] == f"The body is nested deeper than {MAX_JSON_DEPTH} levels."


NO_JSON = [
    b"\xff", b'{"name": "\xed\xa0\x80"}', b'{"name": "\\ud800"}', b'{"delta": NaN}', b'{"delta": Infinity}',
    b'{"a": 1,}', b"{'a': 1}", b'{"a": 1} {"b": 2}', b"\xef\xbb\xbf{", b"\x00", b'{"a": "\x00"}', b"<?xml?>",
    '{"a": 1}'.encode("utf-16"),
]  # fmt: skip


@every_write
@pytest.mark.usefixtures("nothing_is_written")
def test_a_body_that_is_no_json_is_400(api: JSONClient, endpoint: Endpoint):
    if not takes_json(endpoint) or is_signed(endpoint):
        return

    for body in NO_JSON:
        assert_refused(send(api, endpoint, body), 400)


VALUES = [
    "1e400", "-1e400", "9" * 400, "1.7976931348623157e308", "9223372036854775808", "-9223372036854775809",
    '"a\\u0000b"', '"\\u202e"', "[]", "{}", "[[]]", "true", "null", '""', '"' + "x" * 70_000 + '"',
]  # fmt: skip


# Each value at each endpoint, and at each of its fields and parameters one of so many; the slow tests send all to all.
every_value = pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])


@every_value
@every_write
@pytest.mark.usefixtures("nothing_is_written")
def test_no_value_in_any_field_breaks_anything(api: JSONClient, endpoint: Endpoint, step: int):
    for start, field in enumerate(fields_of(endpoint)):
        for value in VALUES[start % step :: step]:
            # A value may be good: a number is taken for the name that it looks like.
            with rolled_back():
                response = send(api, endpoint, f'{{"{field}": {value}}}'.encode())
            if response.status_code >= 300:
                assert_refused(response, 400, 401, 404, 409, 422)


def fields_of(endpoint: Endpoint) -> list[str]:
    """The members of the body, by the schema."""
    content = schema_of(endpoint).get("requestBody", {}).get("content", {}).get(JSON, {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = addresses.openapi()["components"]["schemas"].get(name, {})
    return list(schema.get("properties", {}))


@every_value
@every_read
@pytest.mark.usefixtures("nothing_is_written")
def test_no_query_parameter_takes_sql_or_shows_what_it_should_not(api: JSONClient, endpoint: Endpoint, step: int):
    parameters = {one["name"] for one in schema_of(endpoint).get("parameters", []) if one["in"] == "query"}

    for start, parameter in enumerate(sorted(parameters | {"ordering", "search", "cursor", "page_size"})):
        for value in [*map(quote, INJECTIONS), *BAD_BYTES][start % step :: step]:
            response = api.get(f"{endpoint.url}?{parameter}={value}")
            assert response.status_code in (200, 400, 404, 422), (parameter, value, response.content[:200])
            assert "Set-Cookie" not in response.headers
            if response.status_code == 200 and parameter in parameters - PAGE_PARAMETERS:
                assert not response.streaming, (parameter, value)
                assert response.json().get("results", []) == [], (parameter, value)


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("parameter", ["sku", "page_size", "cursor", "status", "updated_after"])
def test_a_parameter_that_comes_twice_is_one_or_an_error(api: JSONClient, parameter: str):
    response = api.get(f"{PRODUCTS}?{parameter}=nonsense&{parameter}=other&{parameter}[]=x")

    assert_refused(response, 400, 422)


@pytest.mark.parametrize("value", [*map(quote, INJECTIONS), *BAD_BYTES])
@pytest.mark.usefixtures("nothing_is_written")
def test_no_part_of_a_path_breaks_anything(api: JSONClient, value: str, monkeypatch):
    for name in addresses.SAMPLES:
        monkeypatch.setitem(addresses.SAMPLES, name, "PARAMETER")
    attacked = [endpoint for endpoint in endpoints(get_resolver()) if "PARAMETER" in endpoint.url]

    for endpoint in attacked:
        url = endpoint.url.replace("PARAMETER", value)
        response = api.generic(endpoint.method.upper(), url, b"{}", content_type=JSON)
        assert_refused(response, 400, 401, 404, 405, 422)

    assert len(attacked) > 10


PRIVILEGED = {
    "id": 999_999, "pk": 999_999, "version": 77, "created_at": "2001-01-01T00:00:00Z",
    "updated_at": "2001-01-01T00:00:00Z", "published_at": "2001-01-01T00:00:00Z",
    "on_hand": 1_000, "reserved": 3, "incoming": 4, "available": 1_000,
    "is_oversold": True, "actor": "user:root", "request_id": "forged", "is_staff": True, "is_superuser": True,
    "stock": {"on_hand": 1_000}, "level_version": 9, "on_hand_after": 1_000, "occurred_at": "2001-01-01T00:00:00Z",
    "source": "forged", "sequence": 1, "scopes": ["access:admin"], "tier": "internal", "__class__": "x", "sku_key": "Z",
}  # fmt: skip


def test_a_new_product_has_only_what_it_may_be_given(api: JSONClient):
    variant = {"sku": "M-1", **{name: value for name, value in PRIVILEGED.items() if name != "id"}}

    answer = api.post(PRODUCTS, {"name": "Lamp", "variants": [variant], **PRIVILEGED})

    product, made = Product.objects.get(), Variant.objects.get()
    assert answer.status_code == 201
    assert (product.version, product.status, product.published_at) == (1, ProductStatus.DRAFT, None)
    assert product.pk != 999_999
    assert product.created_at.year > 2001
    assert product.updated_at.year > 2001
    assert (made.sku_key, StockLevel.objects.count()) == ("m-1", 0)
    assert set(Event.objects.values_list("actor", flat=True)) == {"client:tests"}
    assert not Event.objects.filter(request_id="forged").exists()


def test_a_variants_id_of_somebody_else_takes_nothing_over(api: JSONClient, shop: Product):
    theirs = Variant.objects.get()

    answer = api.post(PRODUCTS, {"name": "Mine", "variants": [{"id": theirs.pk, "sku": "M-1"}]})

    theirs.refresh_from_db()
    assert (theirs.product_id, theirs.sku) == (shop.pk, "A-1")
    assert answer.status_code in (201, 422)


def test_a_patch_changes_nothing_that_is_not_the_callers(api: JSONClient, shop: Product):
    before = Event.objects.count()

    answer = api.patch(f"{PRODUCTS}{shop.pk}/", PRIVILEGED)

    again = Product.objects.get()
    assert answer.status_code == 200
    assert (again.pk, again.version, again.created_at, again.published_at) == (
        shop.pk, shop.version, shop.created_at, shop.published_at,
    )  # fmt: skip
    assert StockLevel.objects.get().on_hand == 5
    assert Event.objects.count() == before


@pytest.mark.parametrize("status", ["published", "deleted", "ACTIVE", "", None, 1, ["active"], {"active": 1}])
def test_a_status_that_is_none_is_refused(api: JSONClient, shop: Product, status: object):
    before = written()

    assert_refused(api.patch(f"{PRODUCTS}{shop.pk}/", {"status": status}), 422)

    assert written() == before


def test_a_status_does_not_go_past_the_publish_rules(api: JSONClient):
    refused = api.post(PRODUCTS, {"name": "Lamp", "status": "active", "variants": [{"sku": "M-1", "price": None}]})

    assert_refused(refused, 422)
    assert not Product.objects.exists()
    assert not Event.objects.exists()


def test_a_movement_says_who_and_what_it_really_was(api: JSONClient, shop: Product):
    asked = {"sku": "A-1", "location": "main", "delta": 1, "reason": "receipt"}

    answer = api.post("/api/v1/inventory/adjustments/", {**PRIVILEGED, **asked})

    movement = StockMovement.objects.latest("id")
    assert answer.status_code == 201
    assert (movement.actor, movement.source, movement.on_hand_after) == ("client:tests", "", 6)
    assert movement.occurred_at.year > 2001
    assert movement.request_id != "forged"


def test_a_location_is_made_with_its_own_fields_alone(api: JSONClient):
    answer = api.post("/api/v1/inventory/locations/", {"code": "w", "name": "W", **PRIVILEGED})

    location = Location.objects.get()
    assert answer.status_code == 201
    assert location.pk != 999_999
    assert location.created_at.year > 2001


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_method_cannot_be_put_into_a_header(api: JSONClient, header: str):
    product = Product.objects.get()

    got = api.get(f"{PRODUCTS}{product.pk}/", headers={header: "DELETE"})
    posted = api.post(f"{PRODUCTS}{product.pk}/", {"_method": "DELETE"}, headers={header: "DELETE"})

    assert got.status_code == 200
    assert_refused(posted, 405)
    assert_refused(api.get(f"{PRODUCTS}?_method=DELETE"), 422)


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "G\u00cbT", "DELETE "])
def test_a_method_that_is_none_does_nothing(api: JSONClient, method: str):
    assert_refused(api.generic(method, f"{PRODUCTS}{Product.objects.get().pk}/"), 405)


@pytest.mark.parametrize("host", ["evil.example", "localhost:80@evil.example", "localhost\tevil", "", "[::1", "a b"])
def test_a_host_that_is_not_ours_is_400_and_not_repeated(api: JSONClient, host: str, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    make_product("A-1")
    make_product("A-2")

    response = api.get(f"{PRODUCTS}?page_size=1", HTTP_HOST=host)

    assert_refused(response, 400)
    assert b"evil" not in response.content


def test_links_do_not_believe_a_forwarded_host(api: JSONClient, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    make_product("A-1")
    make_product("A-2")

    response = api.get(
        f"{PRODUCTS}?page_size=1", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil"}
    )

    assert json.loads(response.content)["next"].startswith("http://testserver/")
    assert b"evil" not in response.content
