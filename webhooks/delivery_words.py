"""What became of a delivery, and when it is tried next, in words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import localize, number_format
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _

from webhooks.models import Delivery, DeliveryAttempt, DeliveryStatus
from webhooks.schedule import MAX_ATTEMPTS, is_success

SECONDS_A_MINUTE: Final = 60


def state_in_words(delivery: Delivery, attempts: Sequence[DeliveryAttempt]) -> str:
    """What became of it, from its attempts, oldest first."""
    last = result_in_words(attempts[-1]) if attempts else ""
    words = {"tries": number_format(delivery.tries), "most": MAX_ATTEMPTS, "last": last}
    match delivery.status:
        case DeliveryStatus.DELIVERED:
            return _("Delivered: %(last)s.") % words
        case DeliveryStatus.FAILED:
            return _("Failed, and not tried again by itself. The last attempt: %(last)s. Send it again.") % words
        case DeliveryStatus.CANCELLED:
            return _("Not sent: the endpoint was disabled before. Enable the endpoint to send what it has missed.")
        case DeliveryStatus.SENDING:
            return _("It is being sent.")
    due = due_at(delivery)
    moment = localize(timezone.localtime(due)) if due else ""
    next_try = _("Next try: %(when)s, at %(moment)s.") % {"when": next_try_in_words(delivery), "moment": moment}
    if not delivery.tries:
        return next_try
    failed = _("%(tries)s of %(most)s attempts have failed, the last one: %(last)s.") % words
    return f"{failed} {next_try}"


def next_try_in_words(delivery: Delivery) -> str:
    """When it is sent next; empty for one that is not sent any more."""
    due = due_at(delivery)
    if due is None or delivery.status == DeliveryStatus.SENDING:
        return ""
    seconds = (due - timezone.now()).total_seconds()
    if seconds <= 0:
        return _("now")
    if seconds < SECONDS_A_MINUTE:
        return _("in less than a minute")
    return _("in %(time)s") % {"time": timeuntil(due, depth=1).replace("\xa0", " ")}


def due_at(delivery: Delivery) -> datetime | None:
    """When it is sent; a failing endpoint holds up all its deliveries."""
    if delivery.next_attempt_at is None:
        return None
    return max(filter(None, (delivery.next_attempt_at, delivery.endpoint.next_try_at)))


def result_in_words(attempt: DeliveryAttempt) -> str:
    """What came of an attempt: the status of the answer and its time, or the error."""
    words: dict[str, Any] = {"status": attempt.status, "ms": number_format(attempt.ms), "error": attempt.error}
    if attempt.status is None:
        return _("no answer after %(ms)s ms (%(error)s)") % words
    if is_success(attempt.status):
        return _("answered %(status)s in %(ms)s ms") % words
    if attempt.error:
        return _("refused with %(status)s in %(ms)s ms (%(error)s)") % words
    return _("refused with %(status)s in %(ms)s ms") % words
