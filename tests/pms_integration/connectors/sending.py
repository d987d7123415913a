"""Payloads in the documented shape of a PMS, signed and sent as the PMS does it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client
from standardwebhooks import Webhook

from inventory.models import StockLevel
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import Connector
from pms_integration.models import PMSConnection, PMSEvent

PAYLOADS: Final = Path(__file__).parent / "payloads"


@dataclass(frozen=True)
class Payload:
    """A webhook; `content` is what its bytes say."""

    headers: dict[str, str]
    body: bytes
    content: Any

    def having(self, **members: Any) -> "Payload":
        """The same webhook with other members in its body."""
        content = {**self.content, **members}
        return replace(self, content=content, body=json.dumps(content).encode())

    def with_headers(self, **headers: str) -> "Payload":
        """The same webhook with more headers, whose names are written with underscores."""
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): headers[name] for name in headers}})


Sign = Callable[[Payload, str], Payload]


def payload(name: str) -> Payload:
    """A payload of the folder, not signed."""
    stored = json.loads((PAYLOADS / f"{name}.json").read_text())
    content = stored["body"]
    body = content if isinstance(content, str) else json.dumps(content)
    return Payload(stored["headers"], body.encode(), content)


def sign_with(header: str) -> Sign:
    """Signs the bytes of the body by HMAC-SHA256, in base64."""

    def sign(message: Payload, secret: str) -> Payload:
        digest = hmac.new(secret.encode(), message.body, hashlib.sha256).digest()
        return message.with_headers(**{header: base64.b64encode(digest).decode()})

    return sign


def sign_as_standard_webhooks(message: Payload, secret: str) -> Payload:
    """Signs id, timestamp and body, as the subscriber of a shop of Medusa does it."""
    now = datetime.now(tz=UTC)
    signature = Webhook(secret).sign(message.headers["webhook-id"], now, message.body.decode())
    return message.with_headers(webhook_timestamp=str(int(now.timestamp())), webhook_signature=signature)


def post(pms: PMSConnection, message: Payload) -> Any:
    """Sends the webhook as it is."""
    headers = {name: value for name, value in message.headers.items() if name != "content-type"}
    address = f"/api/v1/webhooks/pms/{pms.slug}/"
    return Client().post(address, message.body, content_type=message.headers["content-type"], headers=headers)


def deliver(pms: PMSConnection, message: Payload, sign: Sign) -> PMSEvent:
    """Signs and sends the webhook, and applies all that is due; its event."""
    response = post(pms, sign(message, pms.secret))
    assert response.status_code == 202, response.content
    services.apply_due_events()
    return PMSEvent.objects.get(webhook_id=response.json()["id"])


def connect(monkeypatch: pytest.MonkeyPatch, kind: str, connector: Connector, secret: str = "") -> PMSConnection:
    """A connection of a kind that only this test knows."""
    monkeypatch.setitem(CONNECTORS, kind, connector)
    return services.create_connection(slug="shop", name="Shop", kind=kind, secret=secret)


def on_hand() -> dict[tuple[str, str], int]:
    """The quantity of each SKU at each location."""
    rows = StockLevel.objects.values_list("variant__sku", "location__code", "on_hand")
    return {(sku, code): quantity for sku, code, quantity in rows}
