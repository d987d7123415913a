"""Applies due PMS events in batches: the outcome is that of one by one, and each takes effect exactly once."""

import functools
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from pms_backend.api import context
from pms_backend.api.exceptions import OutcomeUnknown
from pms_backend.api.parsers import load_signed_json
from pms_backend.api.transactions import is_lost, retried_atomic
from pms_integration.connectors import connector_of
from pms_integration.connectors.contract import Connector
from pms_integration.exceptions import ConnectorMissing
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus
from pms_integration.services.leases import Lease, extend_leases, lease_batch, lease_crashed, release_leases
from pms_integration.services.outcomes import (
    NOTHING_REPORTED,
    UNKNOWN_TYPE,
    Outcome,
    outcome_of,
    write_outcomes,
)
from pms_integration.services.product_reports import apply_product_reports
from pms_integration.services.refetches import request_refetches
from pms_integration.services.report_validation import validated
from pms_integration.services.retries import MAX_CRASHES
from pms_integration.services.retrying import retry_own_failures, wake_deferred
from pms_integration.services.stock_reports import apply_stock_reports
from pms_integration.services.valid_reports import ExternalProduct, Refetch, Reported, StockReport, ValidReport, of_kind
from pms_integration.services.wake_up import apply_wake_up

logger = logging.getLogger(__name__)

# The task ends after this time and sends the next wake-up.
DRAIN_SECONDS: Final = 20.0
# How long a worker tries to release its leases after the database went away; then they expire, as if it had died.
RELEASE_SECONDS: Final = 30.0
RELEASE_PAUSE_SECONDS: Final = 0.5


class _Refused(Exception):
    """One of several reports of an event cannot be applied, so that none of them may be."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def apply_due_events() -> int:
    """Applies due events, oldest first, until none is left or `DRAIN_SECONDS` are over; returns how many."""
    _retry_own_failures_once()
    return apply_wake_up.drain(_apply_next, seconds=DRAIN_SECONDS, prepare=wake_deferred)


@functools.cache
def _retry_own_failures_once() -> int:
    """Tries what failed by an error of ours again when a process starts, which may run a version that is mended."""
    return retry_own_failures()


def _apply_next() -> int:
    crashed = lease_crashed()
    apply_events(crashed)
    leases = lease_batch()
    apply_events(leases)
    return len(crashed) + len(leases)


def apply_events(leases: Sequence[Lease]) -> None:
    """Applies leased events of one connection in one transaction, or stores why they could not be applied.

    If that fails, each half is tried by itself, so that in the end one event costs itself only. If the database is
    away, all leases are released as soon as it is back, and the error is raised.
    """
    given_up = [lease for lease in leases if lease.crashes >= MAX_CRASHES]
    write_outcomes(
        {lease: Outcome(PMSEventStatus.DEAD, f"Its worker died {lease.crashes} times.") for lease in given_up}
    )
    try:
        _apply_or_halve([lease for lease in leases if lease.crashes < MAX_CRASHES])
    except Exception as error:
        if _is_outage(error):
            _release_when_possible(leases)
        raise


def _apply_or_halve(leases: Sequence[Lease]) -> None:
    if not leases:
        return
    try:
        _apply(leases)
    except Exception as error:
        if _is_outage(error):
            raise
        if len(leases) == 1:
            write_outcomes({leases[0]: _logged_outcome(leases[0], error)})
            return
        extend_leases(leases)
        middle = len(leases) // 2
        _apply_or_halve(leases[:middle])
        _apply_or_halve(leases[middle:])


def _is_outage(error: Exception) -> bool:
    """Whether the database is away: a failure of ours, for which no event is responsible."""
    return isinstance(error, OutcomeUnknown) or (
        isinstance(error, OperationalError | InterfaceError) and is_lost(error)
    )


def _release_when_possible(leases: Sequence[Lease]) -> None:
    ends_at = time.monotonic() + RELEASE_SECONDS
    while time.monotonic() < ends_at:
        connection.close_if_unusable_or_obsolete()
        with suppress(DatabaseError, InterfaceError):
            release_leases(leases)
            return
        time.sleep(RELEASE_PAUSE_SECONDS)


def _logged_outcome(lease: Lease, error: Exception) -> Outcome:
    if isinstance(error, _Refused):
        return error.outcome
    outcome = outcome_of(error)
    if outcome.failed_by_us:
        named = {"request_id": lease.webhook_id}
        logger.error("The PMS event %s could not be applied", lease.event_id, exc_info=error, extra=named)
    return outcome


@retried_atomic
def _apply(leases: Sequence[Lease]) -> None:
    by_event = {lease.event_id: lease for lease in leases}
    pms = PMSConnection.objects.get(pk=leases[0].connection_id)
    try:
        connector = connector_of(pms.kind)
    except ConnectorMissing as error:
        logger.error("%s PMS events of the connection %s wait: %s", len(leases), pms.slug, error.detail)  # noqa: TRY400
        write_outcomes({lease: outcome_of(error) for lease in leases})
        return
    outcomes: dict[int, Outcome] = {}
    reported: list[Reported[ValidReport]] = []
    for event in _locked_events(leases):
        try:
            reports = _reports_of(event, connector, received_at=by_event[event.pk].received_at, slug=pms.slug)
        except Exception as error:
            outcomes[event.pk] = _logged_outcome(by_event[event.pk], error)
            continue
        if not reports:
            outcomes[event.pk] = UNKNOWN_TYPE if reports is None else NOTHING_REPORTED
        reported += [
            Reported(message_id=event.pk, name=event.webhook_id, line=line, report=report)
            for line, report in enumerate(reports or ())
        ]
    # What is written has the webhook-id of its own event; a line about a batch is of the task.
    request_id = leases[0].webhook_id if len(leases) == 1 else context.current().request_id
    with context.bind(actor=f"pms:{pms.slug}", request_id=request_id, door=context.Door.PMS):
        outcomes |= _apply_reports(pms, reported)
    write_outcomes({by_event[event_id]: outcome for event_id, outcome in outcomes.items()})


def _locked_events(leases: Sequence[Lease]) -> list[PMSEvent]:
    """The leased events, locked in the order of their arrival, without those leased by another worker since."""
    attempts = {lease.event_id: lease.attempt for lease in leases}
    events = PMSEvent.objects.filter(pk__in=attempts, status=PMSEventStatus.PROCESSING).order_by("pk")
    found = events.select_for_update(no_key=True, skip_locked=True).only("webhook_id", "headers", "body", "attempts")
    return [event for event in found if event.attempts == attempts[event.pk]]


def _reports_of(event: PMSEvent, connector: Connector, *, received_at: datetime, slug: str) -> list[ValidReport] | None:
    """The valid reports; None if the type is not known. Raises `UnusableData`, and whatever the connector raises."""
    reports = connector.parse(event.headers, load_signed_json(bytes(event.body)))
    if reports is None:
        return None
    return [validated(report, received_at=received_at, slug=slug) for report in reports]


def _apply_reports(pms: PMSConnection, reported: Sequence[Reported[ValidReport]]) -> dict[int, Outcome]:
    """Applies the reports, products first, since stock may wait for them; returns the outcome of each event.

    Raises `_Refused` if one report of several cannot be applied.
    """
    outcomes = apply_product_reports(pms, of_kind(reported, ExternalProduct))
    outcomes += apply_stock_reports(pms, of_kind(reported, StockReport))
    outcomes += request_refetches(pms, of_kind(reported, Refetch))
    of_event: dict[int, list[Outcome]] = {}
    for event_id, outcome in outcomes:
        of_event.setdefault(event_id, []).append(outcome)
    return {event_id: _of_all(each) for event_id, each in of_event.items()}


def _of_all(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of an event with these outcomes of its reports."""
    if len(outcomes) == 1:
        return outcomes[0]
    for outcome in outcomes:
        if not outcome.is_success:
            raise _Refused(outcome)
    is_ignored = all(outcome.status == PMSEventStatus.IGNORED for outcome in outcomes)
    reasons = dict.fromkeys(outcome.reason for outcome in outcomes if outcome.reason)
    return Outcome(PMSEventStatus.IGNORED if is_ignored else PMSEventStatus.PROCESSED, " ".join(reasons))
