"""Asks a PMS for what its webhooks did not tell: lease, commit, call, then apply and record in one transaction."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.utils import timezone

from pms_backend.api import context
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors.contract import ConnectorError, DeltaReport, FigureReport, NotCalled, Report, Resource
from pms_integration.connectors.outgoing import OutgoingConnector, PMSClient
from pms_integration.models import PMSConnection, PMSEventStatus
from pms_integration.services.answers import apply_reports, checked_reports
from pms_integration.services.calls import call_pms
from pms_integration.services.outcomes import Outcome
from pms_integration.services.refetch_leases import ANSWERED, LeaseEnd, RefetchLease, end_leases, lease_next, put_off
from pms_integration.services.retries import (
    DEFERRED_LIMIT,
    DEFERRED_RETRY,
    MAX_CALL_FAILURES,
    pause_after,
    pause_after_call,
)
from pms_integration.services.stock_pushes import corrections
from pms_integration.services.valid_reports import StockReport, of_kind
from pms_integration.services.wake_up import refetch_wake_up
from products.skus import sku_key

logger = logging.getLogger(__name__)

# The task ends after this time and sends the next wake-up.
DRAIN_SECONDS: Final = 20.0

# Which lines of an answer are about which resource.
Lines = Mapping[RefetchLease, Sequence[int]]


class _LeaseLost(Exception):
    """Another worker has recorded its answer about one of the resources."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The reports of an answer; `moment` is the PMS's clock, `pulled_at` ours."""

    name: str
    reports: Sequence[Report]
    moment: datetime | None
    pulled_at: datetime


def ask_due_refetches() -> int:
    """Asks for what is due until nothing is left or `DRAIN_SECONDS` are over; returns for how many resources."""
    return refetch_wake_up.drain(_ask_next, seconds=DRAIN_SECONDS)


def _ask_next() -> int:
    leases = lease_next()
    if leases:
        # One refetch may have several answers, whose movements have different sources.
        name = f"refetch-{leases[0].refetch_id}-{timezone.now():%Y%m%dT%H%M%S.%f}"
        with context.bind(request_id=name):
            _ask(leases)
    return len(leases)


def _ask(leases: Sequence[RefetchLease]) -> None:
    connection_id = leases[0].connection_id
    if corrections.has_unapplied_events(leases):
        end_leases({lease: corrections.put_off(lease) for lease in leases})
        return
    try:
        answer = call_pms(connection_id=connection_id, operation=partial(_answer_about, leases))
    except ConnectorError as error:
        if isinstance(error, NotCalled) and not error.permanent:
            wait = None if error.retry_after is None else timedelta(seconds=error.retry_after)
            # A connector that is missing comes with another version.
            put_off(connection_id=connection_id, pause=DEFERRED_RETRY if wait is None else wait)
        else:
            _fail(leases, error)
    except Exception as error:
        _fail(leases, error)
    else:
        _apply_or_each(PMSConnection.objects.get(pk=connection_id), _lines_of(leases, answer.reports), answer)


def _answer_about(leases: Sequence[RefetchLease], connector: OutgoingConnector, client: PMSClient) -> _Answer:
    first, *_ = leases
    if first.resource == Resource.PRODUCT:
        reports: Sequence[Report] = [connector.get_product(client, first.external_id)]
    else:
        reports = connector.get_stock(client, [lease.external_id for lease in leases])
    now = timezone.now()
    return _Answer(context.current().request_id, reports, client.moment, now)


def _lines_of(leases: Sequence[RefetchLease], reports: Sequence[Report]) -> Lines:
    """What names none of the resources is about those that no report names: a PMS may have other names for it."""
    lines: dict[str, list[int]] = {}
    for line, report in enumerate(reports):
        for name in _names(report):
            lines.setdefault(name, []).append(line)
    named = {lease: lines.get(sku_key(lease.external_id), []) for lease in leases}
    known = {line for each in named.values() for line in each}
    others = [line for line in range(len(reports)) if line not in known]
    return {lease: each or others for lease, each in named.items()}


def _names(report: Report) -> set[str]:
    # As the PMS wrote them: they are not checked yet.
    if isinstance(report, FigureReport | DeltaReport):
        names = [report.variant.sku, report.variant.external_id]
    else:
        names = [report.external_id]
    return {sku_key(str(name)) for name in names if name}


def _apply_or_each(pms: PMSConnection, lines: Lines, answer: _Answer) -> None:
    """Applies the answer in one transaction; if that fails, what it says of each resource by itself."""
    try:
        _apply(pms, lines, answer)
    except Exception as error:
        if len(lines) > 1:
            for lease, own in lines.items():
                _apply_or_each(pms, {lease: own}, answer)
        elif isinstance(error, _LeaseLost):
            logger.info("%s: %s", answer.name, error)
        else:
            _fail(list(lines), error)


@retried_atomic
def _apply(pms: PMSConnection, lines: Lines, answer: _Answer) -> None:
    wanted = sorted({line for own in lines.values() for line in own})
    valid, unusable = checked_reports(
        [(line, answer.reports[line]) for line in wanted],
        slug=pms.slug, name=answer.name, moment=answer.moment, pulled_at=answer.pulled_at,
    )  # fmt: skip
    correcting = [lease for lease in lines if lease.corrects]
    named = corrections.AnsweredLevels(pms, of_kind(valid, StockReport)) if correcting else None
    with context.bind(actor=f"pms:{pms.slug}", request_id=answer.name, door=context.Door.PMS):
        outcomes = apply_reports(pms, valid)
    refused = {one.line: Outcome(PMSEventStatus.DEAD, one.error.detail) for one in unusable}
    of_line = outcomes | refused
    ends = {lease: _end_by(lease, [of_line[line] for line in own if line in of_line]) for lease, own in lines.items()}
    for lease in correcting:
        if named is not None and ends[lease] == ANSWERED and not named.correct(lines[lease]):
            ends[lease] = corrections.put_off(lease)
    # The leases are looked at last, when all else is locked (docs/architecture.md): nothing is applied if one is lost.
    if end_leases(ends) < len(ends):
        raise _LeaseLost("Another worker has recorded another answer.")


def _end_by(lease: RefetchLease, outcomes: Sequence[Outcome]) -> LeaseEnd:
    """What becomes of a refetch by the outcomes of its reports; without any, the PMS does not know the resource."""
    waiting = [outcome for outcome in outcomes if outcome.status == PMSEventStatus.DEFERRED]
    failed = [outcome for outcome in outcomes if not outcome.is_success and outcome not in waiting]
    if failed:
        failures = lease.failures + 1
        return LeaseEnd(pause_after(failures), failures, failed[0].reason)
    if waiting:
        is_late = timezone.now() - lease.requested_at > DEFERRED_LIMIT
        return LeaseEnd(None if is_late else DEFERRED_RETRY, lease.failures, waiting[0].reason)
    return ANSWERED


def _fail(leases: Sequence[RefetchLease], error: Exception) -> None:
    if not isinstance(error, ConnectorError):
        what = ", ".join(lease.external_id for lease in leases)
        logger.error("The answer of the PMS %s about %s could not be applied", leases[0].slug, what, exc_info=error)
    end_leases({lease: _end_after(error, lease) for lease in leases})


def _end_after(error: Exception, lease: RefetchLease) -> LeaseEnd:
    failures = lease.failures + 1
    if isinstance(error, ConnectorError) and not error.permanent:
        failures = min(failures, MAX_CALL_FAILURES)
        return LeaseEnd(pause_after_call(error, failures=failures), failures)
    return LeaseEnd(pause_after(failures), failures, str(error) or type(error).__name__)
