"""Receiver of published events by which a busy relay is seen: one task may publish for minutes."""

import time
from collections.abc import Sequence

from django.db import transaction

from pms_backend.events.models import Event
from pms_backend.events.services import receive_published
from pms_backend.operations import services
from pms_backend.operations.heartbeats import RELAY


class _Seen:
    """When this process was seen last, by the monotonic clock."""

    at = float("-inf")


def _note_batch(_: Sequence[Event]) -> None:
    """Records a heartbeat of the relay after the commit of the batch, once a second."""
    if time.monotonic() - _Seen.at >= 1.0:
        _Seen.at = time.monotonic()
        transaction.on_commit(_record_heartbeat, robust=True)


def _record_heartbeat() -> None:
    services.record_heartbeat(name=RELAY)


def connect() -> None:
    """Connects the receiver; called once, when the apps are ready."""
    receive_published("operations.note_batch", _note_batch, uses_database=False)
