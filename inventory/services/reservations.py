"""Reserving stock: all lines or none."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

import orjson
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from inventory.exceptions import ReferenceConflict, RefusedLines
from inventory.models import Reservation, ReservationStatus
from inventory.services.ledger import MAX_PREPARED_ROWS, run, run_alone
from inventory.services.reservation_requests import (
    DEFAULT_EXPIRES_IN_SECONDS,
    ReservationRequest,
    check_expires_in,
    check_lines,
    explain_refused_lines,
    explain_unknown_lines,
)
from inventory.services.reservation_statements.reserving import RESERVE, RESERVE_OR_EXPLAIN
from inventory.services.reservation_transitions import MAX_EXPIRED_AT_ONCE, reservation_of
from pms_backend.api.arrays import as_array
from pms_backend.api.exceptions import sqlstate
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from products.skus import sku_key

NOT_NULL_VIOLATION: Final = "23502"
OPEN: Final = (ReservationStatus.ACTIVE, ReservationStatus.COMMITTED)


def reserve_stock(
    *,
    client: str,
    reference: str,
    lines: Sequence[ReservationRequest],
    expires_in: int = DEFAULT_EXPIRES_IN_SECONDS,
    published_only: bool = False,
) -> tuple[Reservation, bool]:
    """Promises stock to `client` for `expires_in` seconds; returns the reservation, and whether it was made now.

    A line with a location is served only there, and before the lines without: these get the first location by priority
    that has all units, or are split. It is a claim (ADR 6): the available units never fall below the backorder limit.
    The same reference with the same lines returns the same reservation, unless it was released or has expired. With
    `published_only`, SKUs that storefronts do not see do not exist.

    Raises `InvalidLines`, `RefusedLines` (`insufficient_stock`, `location_inactive`), `ReferenceConflict`,
    `InvalidReservation`, `InvalidQuantity`.
    """
    check_expires_in(expires_in)
    check_lines(lines)
    sku_keys = [sku_key(line.sku) for line in lines]
    parameters = {
        "client": client,
        "reference": reference,
        "seconds": expires_in,
        "published_only": published_only,
        "sku_keys": as_array(sku_keys),
        "locations": as_array([line.location for line in lines]),
        "quantities": as_array([line.quantity for line in lines]),
    }
    if len(set(sku_keys)) == len(sku_keys) and (rows := _reserve(parameters, len(lines))):
        return reservation_of(rows[0]), True
    # The reference is inserted first. Within an outer transaction, a refusal has to roll it back.
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        return _reserve_or_explain(parameters, lines)


def _reserve(parameters: dict[str, Any], count: int) -> list[tuple[Any, ...]]:
    """Returns no rows where nothing is reserved, for whatever reason."""
    is_prepared = count <= MAX_PREPARED_ROWS
    try:
        if not connection.in_atomic_block:
            return run_alone(RESERVE, parameters, is_prepared=is_prepared)
        with transaction.atomic():
            return run(RESERVE, parameters, is_prepared=is_prepared)
    except IntegrityError as error:
        if sqlstate(error) != NOT_NULL_VIOLATION:
            raise
        return []


@retried_atomic
def _reserve_or_explain(parameters: dict[str, Any], lines: Sequence[ReservationRequest]) -> tuple[Reservation, bool]:
    ended: list[int] = []
    while True:
        values = {**parameters, "ended": as_array(ended), "most": MAX_EXPIRED_AT_ONCE}
        is_prepared = len(lines) <= MAX_PREPARED_ROWS
        is_known, requested, short, *made = run(RESERVE_OR_EXPLAIN, values, is_prepared=is_prepared)[0]
        if short and made[0] is not None:
            short_lines = orjson.loads(short)
            raise RefusedLines([_shortage(lines[index], index, sku, units) for index, sku, units in short_lines])
        if made[0] is not None:
            return reservation_of(made), True
        if not is_known:
            explain_unknown_lines(lines)
            continue
        existing = _lock_by_reference(parameters["client"], parameters["reference"])
        if existing is None:
            # The lines are refused, or what had the reference has just ended.
            explain_refused_lines(lines, published_only=parameters["published_only"])
        elif not existing.is_overdue:
            if existing.requested != orjson.loads(requested):
                raise ReferenceConflict(existing.reference, existing.pk)
            return existing, False
        else:
            # The statement releases its units, with those of others that are past their end.
            Reservation.objects.filter(pk=existing.pk).update(status=ReservationStatus.EXPIRED, updated_at=Now())
            ended.append(existing.pk)


def _lock_by_reference(client: str, reference: str) -> Reservation | None:
    named = Reservation.objects.filter(client=client, reference=reference, status__in=OPEN)
    return named.as_of_now().select_for_update(no_key=True).first()


def _shortage(line: ReservationRequest, index: int, sku: str, available: int) -> FieldError:
    if line.location is not None:
        detail = _("%(available)s of %(sku)s are available at %(location)s, %(requested)s were asked for.")
    else:
        detail = _("%(available)s of %(sku)s are available, %(requested)s were asked for.")
    detail %= {"available": available, "sku": sku, "location": line.location, "requested": line.quantity}
    return FieldError(f"/lines/{index}", "insufficient_stock", detail)
