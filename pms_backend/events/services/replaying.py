"""Replaying: parked events are dispatched to their receivers again."""

import logging
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from pms_backend import metrics
from pms_backend.api.exceptions import NotFound
from pms_backend.events.models import ParkedEvent
from pms_backend.events.services.parking import describe
from pms_backend.events.services.receiving import limit_waiting, receivers

logger = logging.getLogger(__name__)

STARTED: Final = "Started and not finished: the attempt is running now, or its process died."


class UnknownReceiver(Exception):
    """No receiver of that name is connected."""


def replay_parked(*, parked_id: int) -> ParkedEvent:
    """Dispatches a parked event to its receiver again, in a transaction of its own, and returns the parked event.

    The attempt is counted before, so that one that kills its process is noticed. A resolved event is not changed. A
    receiver that fails again raises nothing: `last_error` says what happened. Raises `NotFound`.
    """
    if _count_attempt(parked_id):
        # Programs read the error too, so it is not in the language of the page on which this is asked for.
        with translation.override(settings.LANGUAGE_CODE):
            try:
                _deliver(parked_id)
            except Exception as error:
                _store_error(parked_id, error)
    return ParkedEvent.objects.select_related("event").get(pk=parked_id)


def replay_untried() -> bool:
    """Dispatches one parked event that was never tried alone; returns whether there was one."""
    untried = ParkedEvent.objects.untried().values_list("pk", flat=True).first()
    if untried is None:
        return False
    replay_parked(parked_id=untried)
    return True


@transaction.atomic
def _count_attempt(parked_id: int) -> bool:
    """Counts the attempt; returns False where the event is resolved."""
    parked = ParkedEvent.objects.select_for_update().filter(pk=parked_id).first()
    if parked is None:
        raise NotFound(_("There is no parked event %(parked_id)s.") % {"parked_id": parked_id})
    if parked.resolved_at is not None:
        return False
    parked.attempts += 1
    parked.last_error = STARTED
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


def _store_error(parked_id: int, error: Exception) -> None:
    parked = ParkedEvent.objects.get(pk=parked_id)
    metrics.receiver_failures_total.labels(parked.receiver).inc()
    logger.error("The event %s stays parked for the receiver %s", parked.event_id, parked.receiver, exc_info=error)
    ParkedEvent.objects.filter(pk=parked_id, resolved_at=None).update(last_error=describe(error))
