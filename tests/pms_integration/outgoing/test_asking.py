"""What a PMS of the kind `standard` is asked for, and what becomes of its answers."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from pms_integration.connectors import outgoing_connector_of
from pms_integration.connectors.contract import DeletionReport, FigureReport, ProductReport, VariantReference
from pms_integration.connectors.outgoing import ExternalLocation, Page
from pms_integration.connectors.standard_calls import MAX_PAGES, MAX_SKUS, StandardCalls
from pms_integration.models import PMSConnection
from pms_integration.services import pms_client
from pms_integration.services.report_validation import validated
from tests.outbound.servers import LocalServer, saying, send
from tests.pms_integration.outgoing.calling import TOKEN, answering, call, refused
from tests.pms_integration.reports import product

pytestmark = pytest.mark.django_db

SINCE = datetime(2026, 11, 24, 5, 45, 32, 123_456, tzinfo=UTC)
DATE = "Tue, 24 Nov 2026 05:45:32 GMT"


def stock(sku: str = "A-1", **more) -> dict:
    row = {"sku": sku, "location": "main", "on_hand": 7, "version": 3, "updated_at": "2026-11-24T05:45:32.5Z"}
    return {**row, **more}


def figure(sku: str = "A-1") -> FigureReport:
    return FigureReport(
        variant=VariantReference(sku=sku),
        location="main",
        on_hand=7,
        version=3,
        occurred_at="2026-11-24T05:45:32.5Z",
    )


def asked(server: LocalServer) -> tuple[str, dict[str, list[str]]]:
    """The path and the query of the last request."""
    url = urlsplit(server.received[-1].path)
    return url.path, parse_qs(url.query, strict_parsing=bool(url.query))


def dated(value, date: str = DATE):
    """Answers with this Date alone."""

    def respond(handler) -> None:
        body = json.dumps(value).encode()
        handler.send_response_only(200)
        if date:
            handler.send_header("Date", date)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def test_check_returns_the_name_and_sends_the_token(server: LocalServer, pms: PMSConnection):
    assert call(pms, "check") == "Shop"

    [request] = server.received
    assert (request.method, request.path, request.body) == ("GET", "/api/", b"")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert "idempotency-key" not in request.headers


def test_products_are_pulled_from_the_first_page(server: LocalServer, pms: PMSConnection):
    data = {**product("7", 2), "updated_at": "2026-11-24T05:45:32Z", "images": [{"url": "https://x.example/1"}]}
    server.respond = dated({"products": [data, {"id": 8, "version": 5, "deleted": True}], "next": "c2"})

    page = call(pms, "pull_products", None, None)

    assert asked(server) == ("/api/products", {"limit": ["200"]})
    assert page == Page(
        reports=[
            ProductReport(external_id="7", version=2, data=data, payload=data),
            DeletionReport(external_id="8", version=5, payload={"id": 8, "version": 5, "deleted": True}),
        ],
        cursor="c2",
        moment=datetime(2026, 11, 24, 5, 45, 32, tzinfo=UTC),
    )
    for report in page.reports:
        validated(report, received_at=page.moment, slug=pms.slug)


def test_a_page_that_is_too_large_is_asked_for_with_fewer_products(server, pms, monkeypatch):
    monkeypatch.setattr(pms_client, "BOUNDS", replace(pms_client.BOUNDS, max_response_bytes=2_000))

    def respond(handler) -> None:
        number = int(parse_qs(urlsplit(handler.path).query)["limit"][0])
        products = [product(str(index), 1, f"A-{index}") for index in range(min(number, 20))]
        dated({"products": products[: 20 if number > 1 else 1], "next": "c2"})(handler)

    server.respond = respond

    page = call(pms, "pull_products", None, None)

    assert [report.external_id for report in page.reports] == ["0"]
    assert [parse_qs(urlsplit(one.path).query)["limit"] for one in server.received] == [["200"], ["20"], ["1"]]


@pytest.mark.parametrize(
    ("method", "name", "limit"), [("pull_products", "products", "200"), ("pull_stock", "stock", "200")]
)
def test_the_next_page_is_asked_for_by_moment_and_cursor(server, pms, method: str, name: str, limit: str):
    server.respond = answering({name: [], "next": None})

    page = call(pms, method, SINCE, "a&b =")

    moment = "2026-11-24T05:45:32.123456+00:00"
    assert asked(server) == (f"/api/{name}", {"updated_since": [moment], "cursor": ["a&b ="], "limit": [limit]})
    assert (page.reports, page.cursor) == ([], None)


def test_stock_is_pulled_as_figures(server: LocalServer, pms: PMSConnection):
    server.respond = answering({"stock": [stock(), stock("B-1", version=None)], "next": None})

    first, second = call(pms, "pull_stock", None, None).reports

    assert first == figure()
    assert second.version is None


def test_a_product_is_asked_for_by_its_id(server: LocalServer, pms: PMSConnection):
    data = product("a/b c", 2)
    server.respond = answering(data)

    report = call(pms, "get_product", "a/b c")

    assert server.received[-1].path == "/api/products/a%2Fb%20c"
    assert report == ProductReport(external_id="a/b c", version=2, data=data, payload=data)


def test_a_product_that_is_not_there_is_deleted(server: LocalServer, pms: PMSConnection):
    server.respond = answering({"code": "not_found"}, 404)
    assert call(pms, "get_product", "7") == DeletionReport(external_id="7", payload={})

    gone = {"id": "7", "version": 9, "deleted": True}
    server.respond = answering(gone)
    assert call(pms, "get_product", "7") == DeletionReport(external_id="7", version=9, payload=gone)


@pytest.mark.parametrize("external_id", [".", ".."])
def test_an_id_that_would_change_the_path_is_not_asked_for(server, pms, external_id: str):
    assert refused(pms, "get_product", external_id).permanent
    assert server.received == []


def test_stock_of_skus_is_asked_for_in_parts(server: LocalServer, pms: PMSConnection):
    def respond(handler) -> None:
        skus = parse_qs(urlsplit(handler.path).query)["sku"]
        send(handler, json.dumps({"stock": [stock(sku) for sku in skus], "next": None}).encode())

    server.respond = respond
    skus = [f"A-{number}" for number in range(MAX_SKUS * 2 + 1)]

    assert call(pms, "get_stock", skus) == [figure(sku) for sku in skus]
    assert [path.count("sku=") for path in server.paths] == [50, 50, 1]


def test_skus_that_make_a_long_url_are_in_more_parts(server: LocalServer, pms: PMSConnection):
    server.respond = answering({"stock": []})

    call(pms, "get_stock", ["Ä" * 255] * 5)

    assert [path.count("sku=") for path in server.paths] == [3, 2]
    assert call(pms, "get_stock", []) == []


def test_stock_of_skus_in_several_pages_is_whole(server: LocalServer, pms: PMSConnection):
    pages = {None: ("A-1", "2"), "2": ("A-2", None)}

    def respond(handler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        sku, following = pages[query.get("cursor", [None])[0]]
        send(handler, json.dumps({"stock": [stock(sku)], "next": following}).encode())

    server.respond = respond

    assert call(pms, "get_stock", ["A-1", "A-2"]) == [figure("A-1"), figure("A-2")]


def test_stock_of_skus_without_an_end_is_an_error(server: LocalServer, pms: PMSConnection, monkeypatch):
    monkeypatch.setattr("pms_integration.services.pms_client.BURST", 1_000)

    def respond(handler) -> None:
        send(handler, json.dumps({"stock": [], "next": str(len(server.received))}).encode())

    server.respond = respond

    assert "more than 100 pages" in str(refused(pms, "get_stock", ["A-1"]))
    assert len(server.received) == MAX_PAGES


def test_locations_are_listed(server: LocalServer, pms: PMSConnection):
    server.respond = answering({"locations": [{"id": "HQ", "name": "Main"}, {"id": 2, "name": "Depot"}]})

    assert call(pms, "list_locations") == [
        ExternalLocation(external_id="HQ", name="Main"),
        ExternalLocation(external_id="2", name="Depot"),
    ]
    assert server.paths == ["/api/locations"]


def test_a_pms_without_locations_has_none(server: LocalServer, pms: PMSConnection):
    server.respond = answering({"code": "not_found"}, 404)

    assert call(pms, "list_locations") is None


def test_webhooks_cannot_be_subscribed_to(server: LocalServer, pms: PMSConnection):
    assert call(pms, "ensure_webhooks", "https://us.example/", "whsec_x") == "unsupported"
    assert server.received == []


def test_a_packed_answer_is_read(server: LocalServer, pms: PMSConnection):
    server.respond = saying(gzip.compress(b'{"name": "Packed"}'), Content_Encoding="gzip")

    assert call(pms, "check") == "Packed"
    assert server.received[0].headers["accept-encoding"] == "gzip"


def test_all_calls_use_one_connection(server: LocalServer, pms: PMSConnection):
    for _ in range(5):
        call(pms, "check")

    assert {request.connection for request in server.received} == {1}


def test_another_base_url_is_used_at_once(server: LocalServer, pms: PMSConnection):
    call(pms, "check")
    PMSConnection.objects.update(base_url=pms.base_url.replace("/api", "/other"))
    call(pms, "check")

    assert server.paths == ["/api/", "/other/"]


def test_without_a_token_none_is_sent(server: LocalServer, pms: PMSConnection):
    PMSConnection.objects.update(credentials=None)

    call(pms, "check")

    assert "authorization" not in server.received[0].headers


def test_the_standard_connector_can_be_called():
    connector = outgoing_connector_of("standard")

    assert isinstance(connector, StandardCalls)
    assert (connector.credential_names, connector.max_pushes) == (("token",), 250)
