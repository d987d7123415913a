"""Text that JSON can have and PostgreSQL's text cannot hold: NUL, and half of a surrogate pair."""

import logging
from typing import Any

import orjson
import pytest
from django.urls import reverse
from django.utils import timezone

from inventory.models import StockLevel
from pms_integration import services
from pms_integration.models import PMSConnection, PMSEvent, PMSProduct
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product
from tests.pms_integration.reports import delta, product
from tests.staff import superuser
from tests.webhooks.test_inbound import assert_refused, post

pytestmark = [pytest.mark.django_db, pytest.mark.database]

UNSTORABLE = [b"\\u0000", b"\\ud800", b"\\uDFFF", b"\\udc00\\ud800"]


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection(owns=make_location("main"))


def message(kind: str, data: Any) -> bytes:
    """A body in which `!` stands for what cannot be stored."""
    return orjson.dumps({"type": kind, "timestamp": timezone.now().isoformat(), "data": data})


def applied(pms: PMSConnection, body: bytes, **headers: str) -> PMSEvent:
    """The event of a webhook that was taken, and applied."""
    response = post(body, pms.secret, **headers)
    assert (response.status_code, response.json()["status"]) == (202, "received"), response.content
    services.apply_due_events()
    event = PMSEvent.objects.get()
    assert bytes(event.body) == body
    return event


@pytest.mark.parametrize("text", UNSTORABLE)
@pytest.mark.parametrize("kind", ["!", "a!b", "product.created!", "!inventory.updated", "x" * 99 + "!"])
def test_a_type_that_cannot_be_stored_is_an_unknown_one(
    pms: PMSConnection, api: JSONClient, kind: str, text: bytes, caplog: pytest.LogCaptureFixture
):
    body = message(kind, product("p-1", 1)).replace(b"!", text)

    event = applied(pms, body)

    assert (event.status, event.reason, event.attempts) == ("ignored", "unknown_type", 1)
    assert not Product.objects.exists()
    assert caplog.records == []
    assert api.get("/api/v1/pms/events/").json()["results"][0]["type"] == event.type
    page = superuser().get(reverse("admin:pms_integration_pmsevent_change", args=[event.pk]))
    assert page.status_code == 200
    assert post(body, pms.secret).json() == {"id": "m-1", "status": "ignored", "duplicate": True}


@pytest.mark.parametrize("text", UNSTORABLE)
@pytest.mark.parametrize(
    "more",
    [{"name": "a!"}, {"attributes": {"a!": 1}}, {"attributes": {"a": [{"b": "!"}]}}, {"tags": ["!"]}, {"id": "p!"},
     {"their own": "!"}, {"!": 1}, {"brand": "!"}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("kind", ["product.created", "product.deleted"])
def test_a_product_that_cannot_be_stored_is_dead_at_once(
    pms: PMSConnection, kind: str, more: dict[str, Any], text: bytes, caplog: pytest.LogCaptureFixture
):
    event = applied(pms, message(kind, {**product("p-1", 1), **more}).replace(b"!", text))

    assert (event.status, event.attempts) == ("dead", 1)
    assert event.reason.startswith("data")
    assert not Product.objects.exists()
    assert not PMSProduct.objects.exists()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info is None


@pytest.mark.parametrize("text", UNSTORABLE)
@pytest.mark.parametrize("member", ["sku", "location", "reason", "reference", "occurred_at"])
def test_a_change_of_stock_that_cannot_be_stored_is_dead_at_once(pms: PMSConnection, member: str, text: bytes):
    make_product("A-1")

    event = applied(pms, message("inventory.adjusted", {**delta(5, minute=-1), member: "a!"}).replace(b"!", text))

    assert (event.status, event.attempts) == ("dead", 1)
    assert not StockLevel.objects.exists()


@pytest.mark.parametrize("text", UNSTORABLE)
def test_ignored_members_of_a_change_of_stock_may_hold_anything(pms: PMSConnection, text: bytes):
    make_product("A-1")

    event = applied(pms, message("inventory.adjusted", {**delta(5, minute=-1), "their own!": "!"}).replace(b"!", text))

    assert event.status == "processed"
    assert StockLevel.objects.get().on_hand == 5


@pytest.mark.parametrize(
    "body",
    [b'{"type": "\\ud800", "a": NaN}', b'{"type": "\\ud800", "a": Infinity}', b'{"type": "\\ud800"', b'["\\ud800"]',
     b'{"type": "\\ud800", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
     b'{"type": "\\ud800", "a": ' + b"[" * 65 + b"]" * 65 + b"}", b'{"type": "\\ud800", "a": "\n"}',
     b'{"type": "\\ud800", "a": %s}' % (b"9" * 5_000)],
    ids=range(8),
)  # fmt: skip
def test_half_a_character_does_not_make_an_invalid_body_valid(pms: PMSConnection, body: bytes):
    assert_refused(post(body, pms.secret), 400, "malformed")


@pytest.mark.parametrize("webhook_id", ["m\x00", "m\x85", "m\u00a0"])
def test_an_invalid_webhook_id_is_401(pms: PMSConnection, webhook_id: str):
    assert_refused(post(message("x", {}), pms.secret, webhook_id=webhook_id), 401, "invalid_signature")
