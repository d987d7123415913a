"""`/connections/{slug}/test/` and `/locations/`: what a PMS answers when people ask it through us."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.outgoing import PMSClient
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import MAX_EXTERNAL_ID_LENGTH, PMSConnection
from pms_integration.services.questions import MAX_DETAIL_LENGTH
from tests.conftest import JSONClient
from tests.factories import make_connection
from tests.outbound.servers import LocalServer
from tests.pms_integration.connectors.woocommerce import WooCommerceConnector
from tests.pms_integration.outgoing.calling import TOKEN, answering

pytestmark = pytest.mark.django_db

TEST = "/api/v1/pms/connections/demo/test/"
LOCATIONS = "/api/v1/pms/connections/demo/locations/"
# Of the kind `standard`.
CAPABILITIES = {
    "paging": "keyset", "products_since": True, "stock_since": True, "clock_seconds": 0.000_001,
    "product_version": "number", "stock_reports": ["deltas", "figures"], "has_ledger": False,
    "stock_basis": "on_hand", "has_negative_stock": True, "stock_write": "relative_with_key",
    "product_write_has_precondition": True,
}  # fmt: skip


def checked(api: JSONClient) -> dict[str, Any]:
    answer = api.post(TEST)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    ms = found.pop("ms")
    assert type(ms) is int
    assert ms >= 0
    return found


def failing(detail: str) -> dict[str, Any]:
    return {"ok": False, "detail": detail, "capabilities": CAPABILITIES, "webhooks": "unsupported"}


def test_a_pms_that_answers_is_ok_and_its_state_says_so(api: JSONClient, pms: PMSConnection, server: LocalServer):
    found = checked(api)

    assert found == {"ok": True, "detail": "Shop", "capabilities": CAPABILITIES, "webhooks": "unsupported"}
    assert [(request.method, request.path) for request in server.received] == [("GET", "/api/")]
    pms.refresh_from_db()
    assert pms.last_contact_at is not None


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_pms_that_fails_is_200_with_the_reason_and_without_the_token(
    api: JSONClient, pms: PMSConnection, server: LocalServer, status: int
):
    server.respond = answering({"error": TOKEN}, status)

    assert checked(api) == failing(f'The PMS answered {status}: {{"error": "•••"}}')
    pms.refresh_from_db()
    assert pms.last_error == f'The PMS answered {status}: {{"error": "•••"}}'


def test_a_pms_whose_circuit_is_open_is_not_called(api: JSONClient, pms: PMSConnection, server: LocalServer):
    PMSConnection.objects.update(circuit="open", failures=5, next_try_at=timezone.now() + timedelta(hours=1))

    found = checked(api)

    assert (found["ok"], "Its circuit is open." in found["detail"]) == (False, True)
    assert server.received == []


@pytest.mark.parametrize(
    ("state", "detail"),
    [
        ({"base_url": None}, "The PMS demo only sends webhooks: it has no base URL."),
        ({"is_active": False}, "The connection demo is not active."),
    ],
)
def test_a_pms_that_is_not_called_is_200_too(
    api: JSONClient, pms: PMSConnection, server: LocalServer, state: dict[str, Any], detail: str
):
    PMSConnection.objects.update(**state)

    assert checked(api) == failing(detail)
    refused = api.get(LOCATIONS)
    assert (refused.status_code, refused.json()["code"], refused.json()["detail"]) == (409, "pms_not_called", detail)
    assert server.received == []


def test_a_kind_without_a_connector_is_200_too(api: JSONClient, pms: PMSConnection):
    PMSConnection.objects.update(kind="gone")

    found = checked(api)

    assert (found["ok"], found["capabilities"]) == (False, None)
    assert found["detail"] == "This version has no connector for the kind gone."


def test_a_kind_that_only_sends_webhooks_is_200_too(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(CONNECTORS, "woocommerce", WooCommerceConnector())
    make_connection()
    PMSConnection.objects.update(kind="woocommerce")

    assert checked(api)["ok"] is False


class Subscribing(StandardConnector):
    """A kind whose webhooks are subscribed to by a call."""

    def ensure_webhooks(self, client: PMSClient, url: str, secret: str) -> Any:
        return client.send("POST", "/hooks", body={"url": url, "secret": secret}).json["name"]


@pytest.mark.parametrize("state", ["ok", "missing"])
def test_a_kind_that_can_subscribe_is_told_our_address(
    api: JSONClient, pms: PMSConnection, server: LocalServer, monkeypatch: pytest.MonkeyPatch, state: str
):
    monkeypatch.setitem(CONNECTORS, "standard", Subscribing())
    server.respond = answering({"name": state})

    assert checked(api)["webhooks"] == state
    assert b'"http://testserver/api/v1/webhooks/pms/demo/"' in server.received[-1].body
    assert pms.secret.encode() in server.received[-1].body


def test_a_name_that_cannot_be_written_is_shown_in_part(api: JSONClient, pms: PMSConnection, server: LocalServer):
    server.respond = answering({"name": "\ud800" + "x" * MAX_DETAIL_LENGTH})

    detail = checked(api)["detail"]

    assert (detail[:2], len(detail)) == ("\N{REPLACEMENT CHARACTER}x", MAX_DETAIL_LENGTH)


@pytest.mark.django_db(transaction=True)
def test_the_call_is_made_before_the_transaction_of_a_request_with_a_key(
    api: JSONClient, pms: PMSConnection, server: LocalServer
):
    answers = [api.post(TEST, headers={"Idempotency-Key": "k-1"}) for _ in range(2)]

    assert [(answer.status_code, answer.json()["ok"]) for answer in answers] == [(200, True)] * 2
    assert "Idempotency-Replayed" in answers[1]


def test_the_locations_of_the_pms_are_listed(api: JSONClient, pms: PMSConnection, server: LocalServer):
    listed = [{"id": "HQ", "name": "Head office"}, {"id": 7, "name": "\ud800"}]
    unusable = [{"id": "x" * (MAX_EXTERNAL_ID_LENGTH + 1), "name": "Long"}, {"id": "\ud800", "name": "Odd"}]
    server.respond = answering({"locations": listed + unusable})

    answer = api.get(LOCATIONS)

    found = [{"external_id": "HQ", "name": "Head office"}, {"external_id": "7", "name": "\N{REPLACEMENT CHARACTER}"}]
    assert (answer.status_code, answer.json()) == (200, {"is_supported": True, "results": found})


def test_a_pms_without_such_a_list_has_none(api: JSONClient, pms: PMSConnection, server: LocalServer):
    server.respond = answering({}, 404)

    answer = api.get(LOCATIONS)

    assert (answer.status_code, answer.json()) == (200, {"is_supported": False, "results": []})


@pytest.mark.parametrize("status", [401, 500])
def test_a_pms_that_cannot_be_asked_is_503_with_the_reason(
    api: JSONClient, pms: PMSConnection, server: LocalServer, status: int
):
    server.respond = answering({"error": TOKEN}, status)

    refused = api.get(LOCATIONS)

    assert (refused.status_code, refused.json()["code"]) == (503, "pms_unavailable")
    assert refused.json()["detail"] == f'The PMS answered {status}: {{"error": "•••"}}'
    assert "Retry-After" in refused


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_connection_is_404(api: JSONClient, method: str):
    answer = api.post(TEST) if method == "post" else api.get(LOCATIONS)

    assert answer.status_code == 404
