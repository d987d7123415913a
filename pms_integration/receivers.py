"""What the PMS integration does when events are published: it looks after what waits for a SKU."""

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from pms_backend.events import services as outbox
from pms_backend.events.models import Event
from pms_integration.services.events import apply_wake_up

MAKES_VARIANTS: Final = ("product.created", "product.updated")


def connect() -> None:
    """Said once, when the apps are ready."""
    outbox.receive_published("pms_integration.wake_deferred", wake_deferred)


def wake_deferred(events: Sequence[Event]) -> None:
    """Rings for the PMS events, whose task wakes the deferred ones first."""
    if any(event.type in MAKES_VARIANTS for event in events):
        transaction.on_commit(apply_wake_up.send, robust=True)
