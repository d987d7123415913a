"""Receivers of published events: new variants wake deferred PMS events, movements and products are pushed."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from django.db import transaction

from inventory.events import STOCK_CHANGED
from pms_backend.events import services as outbox
from pms_backend.events.models import Event
from pms_integration.services.product_pushes.recording import record_changes
from pms_integration.services.stock_pushes.recording import record_pushes
from pms_integration.services.wake_up import apply_wake_up

CREATES_VARIANTS: Final = ("product.created", "product.updated")


def connect() -> None:
    """Connects the receivers; called once, when the apps are ready."""
    outbox.receive_published("pms_integration.wake_deferred", wake_deferred, uses_database=False)
    outbox.receive_published("pms_integration.push_stock", push_stock)
    outbox.receive_published("pms_integration.push_products", push_products)


def wake_deferred(events: Sequence[Event]) -> None:
    """Sends the wake-up of PMS events, whose task looks for deferred events with a known SKU."""
    if any(event.type in CREATES_VARIANTS for event in events):
        transaction.on_commit(apply_wake_up.send, robust=True)


def push_stock(events: Sequence[Event]) -> None:
    """Records the movements that PMSs have to be told."""
    changes = (event.data for event in events if event.type == STOCK_CHANGED)
    record_pushes([change["movement"]["id"] for change in changes if change["movement"] is not None])


def push_products(events: Sequence[Event]) -> None:
    """Records the products that PMSs have to be told."""
    actors: dict[int, set[str]] = defaultdict(set)
    for event in events:
        if event.type.startswith("product."):
            actors[event.data["product"]["id"]].add(event.actor)
    record_changes(actors)
