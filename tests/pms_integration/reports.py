"""Webhooks of the `standard` PMS for tests, stored and applied as the worker does it."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.utils import timezone

from pms_integration import services
from pms_integration.models import PMSConnection, PMSEvent
from tests.factories import store_webhook

_numbers = itertools.count(1)


def receive(
    connection: PMSConnection,
    type: str,
    data: dict[str, Any],
    *,
    webhook_id: str = "",
    timestamp: datetime | None = None,
) -> PMSEvent:
    """Stores a webhook that was verified."""
    webhook_id = webhook_id or f"msg-{next(_numbers)}"
    body = orjson.dumps({"type": type, "timestamp": (timestamp or timezone.now()).isoformat(), "data": data})
    return store_webhook(connection=connection, webhook_id=webhook_id, type=type, body=body)


def apply(connection: PMSConnection, type: str, data: dict[str, Any], **more: Any) -> PMSEvent:
    """Stores a webhook and applies everything that is due."""
    event = receive(connection, type, data, **more)
    services.apply_due_events()
    event.refresh_from_db()
    return event


def figure(on_hand: int, *, minute: float, sku: str = "A-1", version: int | None = None) -> dict[str, Any]:
    """The data of an `inventory.updated` whose moment is `minute` minutes from now."""
    return {"sku": sku, "location": "main", "on_hand": on_hand, "version": version, "occurred_at": at(minute)}


def delta(units: int, *, minute: float, sku: str = "A-1", **more: Any) -> dict[str, Any]:
    """The data of an `inventory.adjusted` whose moment is `minute` minutes from now."""
    return {"sku": sku, "location": "main", "delta": units, "occurred_at": at(minute), **more}


def product(number: str, version: int, sku: str = "A-1", **more: Any) -> dict[str, Any]:
    """The data of a `product.*`."""
    variants = [{"sku": sku, "price": "9.90", "currency": "EUR"}]
    return {"id": number, "version": version, "name": "Lamp", "status": "active", "variants": variants, **more}


def at(minute: float) -> str:
    """The moment that many minutes from now, as a PMS writes it."""
    return (timezone.now() + timedelta(minutes=minute)).isoformat()
