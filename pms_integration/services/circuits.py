"""The circuit breaker of each connection, in the database, so that all processes agree and a restart changes nothing.

Each change is a compare-and-swap of the state, by the database's clock, in a transaction of its own: the state machine
(`pms_backend/outbound/circuit.py`) is asked again when another process was faster.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from pms_backend.outbound.circuit import Circuit, CircuitStatus
from pms_integration.connectors.contract import ConnectorError, NotCalled
from pms_integration.events import PMSUnreachable
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection
from pms_integration.services.clocks import AnswerDate

logger = logging.getLogger(__name__)

# A contact that changes nothing else is written no more often than this.
CONTACT_INTERVAL: Final = timedelta(seconds=5)
_STATUS_OF_AN_ANSWER: Final = range(400, 500)


def admit_call(*, connection_id: int) -> bool:
    """Lets a call through; returns whether it is the trial of an open circuit, of which there is one at a time.

    Raises `NotCalled`.
    """
    while True:
        connection, now = _read(connection_id)
        circuit = connection.circuit_state
        if not circuit.allows(now):
            raise _refusal(connection, circuit, now)
        calling = circuit.calling(now)
        if calling == circuit or _swap(connection, calling):
            return calling != circuit


def record_success(*, connection_id: int, is_trial: bool, date: AnswerDate | None = None) -> None:
    """Records a call that had the answer that it should have, and what its date says about the PMS's clock."""

    def transition(circuit: Circuit, now: datetime) -> Circuit:
        return circuit.answered(now, is_trial=is_trial)

    _record(connection_id, transition, error="", is_contact=True, date=date)


def record_error(*, connection_id: int, is_trial: bool, error: ConnectorError) -> None:
    """Records a call that failed. A refusal by the PMS is a contact, and no failure of the circuit.

    Announces `pms.unreachable` when the circuit opens, unless it opens again after a trial.
    """
    is_contact = error.status in _STATUS_OF_AN_ANSWER
    wait = None if error.retry_after is None else timedelta(seconds=error.retry_after)

    def transition(circuit: Circuit, now: datetime) -> Circuit:
        change = circuit.answered if is_contact else circuit.failed
        return change(now, is_trial=is_trial, wait=wait)

    _record(connection_id, transition, error=storable(str(error))[:MAX_REASON_LENGTH], is_contact=is_contact)


def _record(
    connection_id: int,
    transition: Callable[[Circuit, datetime], Circuit],
    *,
    error: str,
    is_contact: bool,
    date: AnswerDate | None = None,
) -> None:
    while True:
        connection, now = _read(connection_id)
        before = connection.circuit_state
        after = transition(before, now)
        contact = connection.last_contact_at
        is_new_contact = is_contact and (contact is None or now - contact >= CONTACT_INTERVAL)
        offset = connection.clock_offset if date is None else date.correct(connection.clock_offset, now=now)
        is_known = error == connection.last_error and offset == connection.clock_offset
        if after == before and is_known and not is_new_contact:
            return
        more = {"last_contact_at": now} if is_contact else {}
        if _swap(connection, after, last_error=error, clock_offset=offset, **more):
            return


@retried_atomic
def _swap(connection: PMSConnection, circuit: Circuit, **more: Any) -> bool:
    """Whether the connection still had the state that was read, and has the new one."""
    before = connection.circuit_state
    unchanged = PMSConnection.objects.filter(
        pk=connection.pk, circuit=before.status, failures=before.failures, next_try_at=before.next_try_at
    )
    changed = unchanged.update(
        circuit=circuit.status, failures=circuit.failures, next_try_at=circuit.next_try_at, **more
    )
    opens = before.status == CircuitStatus.CLOSED and circuit.status == CircuitStatus.OPEN
    if changed and opens and circuit.next_try_at is not None:
        logger.error("The PMS %s is not called until %s: %s", connection.slug, circuit.next_try_at, more["last_error"])
        outbox.record(
            PMSUnreachable(
                connection=connection.slug,
                detail=more["last_error"],
                failures=circuit.failures,
                next_try_at=circuit.next_try_at.isoformat(),
            )
        )
    return bool(changed)


def _read(connection_id: int) -> tuple[PMSConnection, datetime]:
    """The connection without its secrets, and the database's clock."""
    state = ("slug", "circuit", "failures", "next_try_at", "last_contact_at", "last_error", "clock_offset")
    connection = PMSConnection.objects.only(*state).annotate(now=Now()).get(pk=connection_id)
    now: datetime = connection.now  # type: ignore[attr-defined]  # an annotation
    return connection, now


def _refusal(connection: PMSConnection, circuit: Circuit, now: datetime) -> NotCalled:
    wait = circuit.wait(now).total_seconds()
    reasons = {
        CircuitStatus.CLOSED: _("It has asked us to wait"),
        CircuitStatus.OPEN: _("Its circuit is open"),
        CircuitStatus.HALF_OPEN: _("Its circuit is half-open, and another call is the trial"),
    }
    detail = _("The PMS %(slug)s is not called for %(seconds)s s. %(reason)s.") % {
        "slug": connection.slug,
        "seconds": f"{wait:.0f}",
        "reason": reasons[circuit.status],
    }
    return NotCalled(detail, retry_after=wait)
