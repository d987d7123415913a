"""Giving parked events to their receivers once more."""

import logging
from typing import Final

from django.db import transaction
from django.utils import timezone

from pms_backend import metrics
from pms_backend.api.exceptions import NotFound
from pms_backend.events.models import ParkedEvent
from pms_backend.events.services.parking import count_parked, describe
from pms_backend.events.services.receiving import receivers
from pms_backend.events.services.timeouts import limit_waiting

logger = logging.getLogger(__name__)

BEGUN: Final = "It was begun and has not ended: if it is not at work just now, its process died of it."


class UnknownReceiver(Exception):
    """A receiver of that name is not connected any more."""


def replay_parked(*, parked_id: int) -> ParkedEvent:
    """Gives a parked event to its receiver once more, in a transaction of its own, and returns what became of it.

    The attempt is counted before, so that one which kills its process is known. One that is resolved already is left
    as it is. A receiver that fails again raises nothing: `last_error` says what happened. Raises `NotFound`.
    """
    if _count_attempt(parked_id):
        try:
            _deliver(parked_id)
        except Exception as error:
            _write_down(parked_id, error)
        count_parked()
    return ParkedEvent.objects.select_related("event").get(pk=parked_id)


def replay_untried() -> bool:
    """Gives one event to one receiver that the relay did not dare to; returns whether there was one."""
    untried = ParkedEvent.objects.untried().values_list("pk", flat=True).first()
    if untried is None:
        return False
    replay_parked(parked_id=untried)
    return True


@transaction.atomic
def _count_attempt(parked_id: int) -> bool:
    """Whether there is something to do."""
    parked = ParkedEvent.objects.select_for_update().filter(pk=parked_id).first()
    if parked is None:
        raise NotFound(f"There is no parked event {parked_id}.")
    if parked.resolved_at is not None:
        return False
    parked.attempts += 1
    parked.last_error = BEGUN
    parked.save(update_fields=["attempts", "last_error"])
    return True


@transaction.atomic
def _deliver(parked_id: int) -> None:
    limit_waiting()
    parked = ParkedEvent.objects.select_for_update(of=("self",)).select_related("event").get(pk=parked_id)
    if parked.resolved_at is not None:
        return
    receiver = receivers.get(parked.receiver)
    if receiver is None:
        raise UnknownReceiver(f"{parked.receiver} is not connected.")
    receiver([parked.event])
    parked.resolved_at, parked.last_error = timezone.now(), ""
    parked.save(update_fields=["resolved_at", "last_error"])


def _write_down(parked_id: int, error: Exception) -> None:
    parked = ParkedEvent.objects.get(pk=parked_id)
    metrics.receiver_failures_total.labels(parked.receiver).inc()
    logger.error("The event %s stays parked for the receiver %s", parked.event_id, parked.receiver, exc_info=error)
    ParkedEvent.objects.filter(pk=parked_id, resolved_at=None).update(last_error=describe(error))
