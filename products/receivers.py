"""Receivers of published events, which replace the cache generations of changed products and categories."""

from collections.abc import Sequence

from django.db import transaction

from pms_backend.api import cache_generations
from pms_backend.events import services as outbox
from pms_backend.events.models import Event
from products.events import generations_of


def connect() -> None:
    """Connects the receivers; called once, when the apps are ready."""
    outbox.receive_published("products.replace_generations", replace_generations, uses_database=False)


def replace_generations(events: Sequence[Event]) -> None:
    """Replaces the tokens again after the relay's commit, in case the writer was killed or could not reach Redis."""
    names = {name for event in events for name in generations_of(event.type, event.subject)}
    if names:
        transaction.on_commit(lambda: cache_generations.replace(names), robust=True)
