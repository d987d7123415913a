"""What the catalogue does when events are published: answers that still show what was before are not given any more."""

from collections.abc import Sequence

from django.db import transaction

from pms_backend.api import generations
from pms_backend.events import services as outbox
from pms_backend.events.models import Event
from products.events import generations_of


def connect() -> None:
    """Said once, when the apps are ready."""
    outbox.receive_published("products.replace_generations", replace_generations)


def replace_generations(events: Sequence[Event]) -> None:
    """Once more after the relay's commit, for the writer who was killed, or did not find Redis, after its own."""
    names = {name for event in events for name in generations_of(event.type, event.subject)}
    if names:
        transaction.on_commit(lambda: generations.replace(names), robust=True)
