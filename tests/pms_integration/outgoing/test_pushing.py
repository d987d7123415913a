"""What is written to a PMS of the kind `standard`: under a key, so that a repeated call does no harm."""

from datetime import UTC, datetime

import pytest

from pms_integration.connectors.contract import ProductReport, VersionMoved
from pms_integration.connectors.outgoing import ProductPush, StockPush, StockPushResult
from pms_integration.models import PMSConnection
from tests.outbound.servers import LocalServer, hanging_up
from tests.pms_integration.outgoing.calling import answering, call, refused, sent
from tests.pms_integration.reports import product

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 11, 24, 5, 45, 32, 123_456, tzinfo=UTC)


def a_product(external_id: str | None = None, version: int | None = None) -> ProductPush:
    payload = {"name": "Müller", "theirs": 12345678901234567890123}
    return ProductPush(idempotency_key="key-1", external_id=external_id, version=version, payload=payload)


def a_push(key: str = "m-1", delta: int = -2) -> StockPush:
    return StockPush(
        idempotency_key=key, sku="A-1", external_ids=[], location="HQ", delta=delta, reason="sale", reference="R-1",
        occurred_at=MOMENT,
    )  # fmt: skip


def result(key: str = "m-1", status: str = "applied", **more) -> dict:
    row = {"idempotency_key": key, "status": status, "code": None, "on_hand": 5, "version": 8}
    return {**row, "occurred_at": "2026-11-24T05:45:33.1Z", **more}


def test_a_new_product_is_posted_under_its_key(server: LocalServer, pms: PMSConnection):
    data = product("7", 1)
    server.respond = answering(data, 201)

    report = call(pms, "push_product", a_product())

    [request] = server.received
    assert (request.method, request.path) == ("POST", "/api/products")
    assert request.headers["idempotency-key"] == "key-1"
    assert request.headers["content-type"] == "application/json"
    assert "if-match" not in request.headers
    assert sent(server) == {"name": "Müller", "theirs": 12345678901234567890123}
    assert report == ProductReport(external_id="7", version=1, data=data, payload=data)


def test_a_known_product_is_put_on_the_version_that_it_was_made_from(server: LocalServer, pms: PMSConnection):
    server.respond = answering(product("a/7", 4))

    report = call(pms, "push_product", a_product("a/7", 3))

    [request] = server.received
    assert (request.method, request.path) == ("PUT", "/api/products/a%2F7")
    assert (request.headers["if-match"], request.headers["idempotency-key"]) == ('"3"', "key-1")
    assert report.version == 4


def test_a_product_that_has_moved_on_is_not_overwritten(server: LocalServer, pms: PMSConnection):
    server.respond = answering({"code": "version_conflict"}, 412)

    error = refused(pms, "push_product", a_product("7", 3))

    assert isinstance(error, VersionMoved)
    assert (error.status, error.permanent) == (412, True)
    pms.refresh_from_db()
    assert (pms.circuit, pms.failures) == ("closed", 0)


def test_movements_are_pushed_with_their_keys(server: LocalServer, pms: PMSConnection):
    server.respond = answering(
        {
            "results": [
                result("m-3", "rejected", code="unknown_sku", on_hand=None, version=None, occurred_at=None),
                result("m-2", "duplicate"),
                result("m-1"),
            ]
        }
    )

    results = call(pms, "push_stock", [a_push("m-1"), a_push("m-2"), a_push("m-3")])

    [request] = server.received
    assert (request.method, request.path) == ("POST", "/api/stock/adjustments")
    assert sent(server)["adjustments"][0] == {
        "idempotency_key": "m-1", "sku": "A-1", "location": "HQ", "delta": -2, "reason": "sale", "reference": "R-1",
        "occurred_at": "2026-11-24T05:45:32.123456+00:00",
    }  # fmt: skip
    assert results == [
        StockPushResult(
            idempotency_key="m-1", status="applied", on_hand=5, version=8, occurred_at="2026-11-24T05:45:33.1Z"
        ),
        StockPushResult(
            idempotency_key="m-2", status="duplicate", on_hand=5, version=8, occurred_at="2026-11-24T05:45:33.1Z"
        ),
        StockPushResult(idempotency_key="m-3", status="rejected", code="unknown_sku"),
    ]


def test_a_call_has_250_movements_at_most(server: LocalServer, pms: PMSConnection):
    def respond(handler) -> None:
        results = [result(row["idempotency_key"]) for row in sent(server)["adjustments"]]
        answering({"results": results})(handler)

    server.respond = respond

    results = call(pms, "push_stock", [a_push(f"m-{number}") for number in range(501)])

    assert [one.idempotency_key for one in results] == [f"m-{number}" for number in range(501)]
    assert [request.body.count(b"idempotency_key") for request in server.received] == [250, 250, 1]


@pytest.mark.parametrize("method", ["push_product", "push_stock"])
def test_a_push_over_a_broken_connection_is_repeated_under_its_key(server, pms, method: str):
    call(pms, "check")

    def respond(handler) -> None:
        answer = product("7", 1) if method == "push_product" else {"results": [result()]}
        (hanging_up if handler.connection_number == 1 else answering(answer))(handler)

    server.respond = respond

    call(pms, method, a_product() if method == "push_product" else [a_push()])

    first, second = server.received[1:]
    assert (first.connection, second.connection) == (1, 2)
    assert first.body == second.body
    assert first.headers == second.headers


@pytest.mark.parametrize(
    "results",
    [
        [],
        [result("other")],
        [result(), result()],
        [result(), result("m-2")],
        [result(status="maybe")],
        [result(status=["applied"])],
        [result(on_hand="5")],
        [result(on_hand=True)],
        [result(version=1.5)],
        [result(occurred_at=None)],
        [result(idempotency_key=None)],
        ["applied"],
        None,
    ],
)
def test_results_that_do_not_fit_the_pushes_are_an_error(server: LocalServer, pms: PMSConnection, results):
    server.respond = answering({"results": results})

    error = refused(pms, "push_stock", [a_push()])

    assert (error.permanent, error.status) == (False, None)
    pms.refresh_from_db()
    assert (pms.failures, pms.last_error) == (1, str(error))
