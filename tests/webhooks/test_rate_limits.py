"""What verifies is never refused for its rate; what does not is limited by address and connection."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from django.http import HttpResponse
from django.test import Client

from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import HandshakeResponse
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSConnection, PMSEvent
from tests.factories import make_connection
from tests.outages import redis_down
from tests.webhooks.test_inbound import BODY, post
from webhooks.views import MAX_BODY_BYTES

pytestmark = pytest.mark.django_db

PATH = "/api/v1/webhooks/pms/"


class PoliteConnector(StandardConnector):
    """Answers what is not signed."""

    def handshake(self, headers: Mapping[str, str], body: bytes) -> HandshakeResponse | None:
        return None if "webhook-signature" in headers else HandshakeResponse(body=b"hello")


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.RATE_LIMITS = orjson.dumps({"webhooks": "1/minute", "address": "2/minute"}).decode()


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection("demo")


def unsigned(path: str = "demo/", body: bytes = BODY, method: str = "post", **more: Any) -> HttpResponse:
    send: Callable[..., HttpResponse] = getattr(Client(), method)
    return send(PATH + path, body, content_type="application/json", **more)


def forged(slug: str = "demo") -> HttpResponse:
    return post(BODY, "whsec_" + "QUJD" * 8, slug=slug)


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (forged, 401),
        (unsigned, 401),
        (lambda: unsigned(body=b"no JSON"), 401),
        (lambda: forged("nobody"), 404),
        (lambda: unsigned("demo/more/"), 404),
        (lambda: unsigned(body=b"x" * (MAX_BODY_BYTES + 1)), 413),
        (lambda: unsigned(body=b"x" * (2 * MAX_BODY_BYTES + 1)), 413),
        (lambda: unsigned(method="put"), 405),
        (lambda: unsigned(headers={"Accept": "text/html"}), 406),
    ],
    ids=["forged", "unsigned", "no JSON", "unknown connection", "unknown path", "too large", "huge", "405", "406"],
)
def test_every_answer_without_a_verified_signature_counts(
    pms: PMSConnection, send: Callable[[], HttpResponse], status: int
) -> None:
    first, second = send(), send()

    assert (first.status_code, second.status_code) == (status, 429)
    assert first["RateLimit-Policy"] == second["RateLimit-Policy"] == '"webhooks";q=1;w=60'
    assert first["RateLimit"].startswith('"webhooks";r=0;t=')
    assert 1 <= int(second["Retry-After"]) <= 60
    assert orjson.loads(second.content)["code"] == "rate_limited"
    assert orjson.loads(second.content)["request_id"] == second["X-Request-Id"]
    assert not PMSEvent.objects.exists()


def test_a_handshake_counts(pms: PMSConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONNECTORS, "standard", PoliteConnector())

    first, second = unsigned(), unsigned()

    assert (first.status_code, first.content, second.status_code) == (200, b"hello", 429)
    assert post(BODY, pms.secret).status_code == 202


def test_what_verifies_is_neither_counted_nor_refused(pms: PMSConnection) -> None:
    answers = [post(BODY, pms.secret, webhook_id=f"m-{number}") for number in range(4)]
    answers += [post(BODY, pms.secret, webhook_id="m-0"), post(b"[1]", pms.secret), post(b"{", pms.secret)]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 202, 200, 400, 400]
    assert not any("RateLimit" in answer for answer in answers)
    assert forged().status_code == 401


def test_a_forger_above_the_limit_does_not_stop_the_pms_at_the_same_address(pms: PMSConnection) -> None:
    assert [forged().status_code for _ in range(3)] == [401, 429, 429]

    assert post(BODY, pms.secret).status_code == 202
    assert forged().status_code == 429


def test_each_connection_and_each_address_has_a_limit_of_its_own(pms: PMSConnection) -> None:
    make_connection("other")
    assert [forged().status_code for _ in range(2)] == [401, 429]

    assert forged("other").status_code == 401
    assert unsigned(REMOTE_ADDR="10.1.1.2").status_code == 401


def test_new_names_of_connections_are_no_way_around_the_limit(pms: PMSConnection) -> None:
    assert [forged(f"nobody-{number}").status_code for number in range(3)] == [404, 429, 429]

    assert forged().status_code == 401


def test_without_redis_forgeries_are_refused_as_such(pms: PMSConnection) -> None:
    with redis_down():
        assert [forged().status_code for _ in range(3)] == [401, 401, 401]
        assert post(BODY, pms.secret).status_code == 202
