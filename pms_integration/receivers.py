"""Receivers of published events: new variants wake deferred PMS events."""

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from pms_backend.events import services as outbox
from pms_backend.events.models import Event
from pms_integration.services.wake_up import apply_wake_up

CREATES_VARIANTS: Final = ("product.created", "product.updated")


def connect() -> None:
    """Connects the receivers; called once, when the apps are ready."""
    outbox.receive_published("pms_integration.wake_deferred", wake_deferred)


def wake_deferred(events: Sequence[Event]) -> None:
    """Sends the wake-up of PMS events, whose task looks for deferred events with a known SKU."""
    if any(event.type in CREATES_VARIANTS for event in events):
        transaction.on_commit(apply_wake_up.send, robust=True)
