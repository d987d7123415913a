"""Committing, releasing, extending and expiring reservations, each by one statement."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import orjson
from django.db import DEFAULT_DB_ALIAS
from django.utils.translation import gettext as _

from inventory.exceptions import (
    InvalidLines,
    InvalidReservation,
    RefusedLines,
    ReservationExpired,
    ReservationNotFound,
    ReservationStateConflict,
)
from inventory.models import Reservation, ReservationLine, ReservationStatus
from inventory.services.ledger import run, run_alone
from inventory.services.reservation_requests import (
    DEFAULT_EXPIRES_IN_SECONDS,
    MAX_RESERVATION_LINES,
    check_expires_in,
    check_quantity,
)
from inventory.services.reservation_statements.parts import RESERVATION_FIELDS
from inventory.services.reservation_statements.transitions import COMMIT, EXPIRE, EXTEND, RELEASE
from pms_backend.api.arrays import as_array
from pms_backend.api.batches import run_batches
from pms_backend.api.prepared_statements import prepared_cursor
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from products.skus import sku_key

# The most reservations that the sweep expires in a transaction, or that a new reservation expires before it.
MAX_EXPIRED_AT_ONCE: Final = 100


def commit_reservation(
    *, reservation_id: int, client: str | None, lines: Sequence[tuple[str, int]] | None = None
) -> Reservation:
    """Sells what is reserved: all of it, or of each SKU in `lines` so many units; the others stay reserved.

    The available units stay the same, so stock cannot be short. A `client` may change only its own reservations, None
    all. A committed one is returned as it is. Raises `ReservationNotFound`, `ReservationExpired`,
    `ReservationStateConflict`, `InvalidLines`, `RefusedLines` (`exceeds_reservation`), `InvalidReservation`,
    `InvalidQuantity`.
    """
    parameters = {"id": reservation_id, "client": client, "line_ids": None, "units": None}
    if lines is None and (rows := run_alone(COMMIT, parameters)):
        return reservation_of(rows[0])
    return _commit_or_explain(parameters, lines)


@retried_atomic
def _commit_or_explain(parameters: dict[str, Any], lines: Sequence[tuple[str, int]] | None) -> Reservation:
    """In a transaction, which a part and a refusal need: its lines are read before."""
    if lines is None and (rows := run(COMMIT, parameters)):
        return reservation_of(rows[0])
    reservation = _lock_reservation(parameters)
    if reservation.status == ReservationStatus.COMMITTED:
        return reservation
    _require_active(reservation)
    sold = _units_to_sell(reservation, lines)
    ids, units = as_array([line.pk for line, _ in sold]), as_array([units for _, units in sold])
    rows = run(COMMIT, {**parameters, "line_ids": ids, "units": units})
    if not rows:
        # It has expired since it was locked: each statement has a time of its own.
        raise ReservationExpired(reservation.pk)
    return reservation_of(rows[0])


def release_reservation(*, reservation_id: int, client: str | None) -> Reservation:
    """Releases the units that are still reserved. A `client` may change only its own reservations, None all.

    A released one is returned as it is. Raises `ReservationNotFound`, `ReservationExpired`,
    `ReservationStateConflict`.
    """
    parameters = {"id": reservation_id, "client": client}
    if rows := run_alone(RELEASE, parameters):
        return reservation_of(rows[0])
    return _release_or_explain(parameters)


@retried_atomic
def _release_or_explain(parameters: dict[str, Any]) -> Reservation:
    if rows := run(RELEASE, parameters):
        return reservation_of(rows[0])
    reservation = _lock_reservation(parameters)
    if reservation.status != ReservationStatus.RELEASED:
        _require_active(reservation)
        raise ReservationExpired(reservation.pk)
    return reservation


@retried_atomic
def extend_reservation(
    *, reservation_id: int, client: str | None, expires_in: int = DEFAULT_EXPIRES_IN_SECONDS
) -> Reservation:
    """Sets the end to `expires_in` seconds from now. A `client` may change only its own reservations, None all.

    Raises `ReservationNotFound`, `ReservationExpired`, `ReservationStateConflict`, `InvalidReservation`.
    """
    check_expires_in(expires_in)
    parameters = {"id": reservation_id, "client": client}
    with prepared_cursor() as cursor:
        cursor.execute(EXTEND, {**parameters, "seconds": expires_in})
        row = cursor.fetchone()
    if row is None:
        _require_active(_lock_reservation(parameters))
        raise ReservationExpired(reservation_id)
    return reservation_of(row)


def expire_reservations() -> int:
    """Expires the reservations that are past their end, a batch a transaction; returns their number.

    A reservation that another transaction has locked is skipped.
    """
    return run_batches(_expire_batch)


@retried_atomic
def _expire_batch() -> int:
    return len(run(EXPIRE, {"most": MAX_EXPIRED_AT_ONCE}, is_prepared=False))


def _units_to_sell(
    reservation: Reservation, lines: Sequence[tuple[str, int]] | None
) -> list[tuple[ReservationLine, int]]:
    """The lines to sell and the units of each, in the order in which the locations were chosen."""
    if lines is None:
        return [(line, line.reserved) for line in reservation.lines.all()]
    wanted = _wanted_units(reservation, lines)
    sold: list[tuple[ReservationLine, int]] = []
    for line in reservation.lines.all():
        units = min(wanted[line.level.variant.sku_key], line.reserved)
        if units:
            wanted[line.level.variant.sku_key] -= units
            sold.append((line, units))
    return sold


def _wanted_units(reservation: Reservation, lines: Sequence[tuple[str, int]]) -> Counter[str]:
    """The units to sell by SKU key. Raises `InvalidLines`, `RefusedLines` with an error for each such line."""
    if not 1 <= len(lines) <= MAX_RESERVATION_LINES:
        raise InvalidReservation(_("1 to %(max)s lines are committed at a time.") % {"max": MAX_RESERVATION_LINES})
    reserved: Counter[str] = Counter()
    for line in reservation.lines.all():
        reserved[line.level.variant.sku_key] += line.reserved
    wanted: Counter[str] = Counter()
    foreign, beyond = [], []
    for index, (sku, quantity) in enumerate(lines):
        check_quantity(quantity)
        key = sku_key(sku)
        wanted[key] += quantity
        if key not in reserved:
            foreign.append(
                FieldError(f"/lines/{index}/sku", "unknown_sku", _("The reservation has no %(sku)s.") % {"sku": sku})
            )
        elif wanted[key] > reserved[key]:
            detail = _("%(reserved)s of %(sku)s are reserved still, %(wanted)s were to be committed.") % {
                "reserved": reserved[key],
                "sku": sku,
                "wanted": wanted[key],
            }
            beyond.append(FieldError(f"/lines/{index}", "exceeds_reservation", detail))
    if foreign:
        raise InvalidLines(foreign)
    if beyond:
        raise RefusedLines(beyond)
    return wanted


def reservation_of(row: Sequence[Any]) -> Reservation:
    """The reservation after a change, from a row that begins with `RESERVATION_FIELDS` and with it as it is shown."""
    count = len(RESERVATION_FIELDS)
    reservation = Reservation.from_db(DEFAULT_DB_ALIAS, RESERVATION_FIELDS, row[:count])
    reservation.shown = orjson.loads(row[count])
    return reservation


def _lock_reservation(parameters: dict[str, Any]) -> Reservation:
    """The reservation as it is now, locked to the end of the transaction. Raises `ReservationNotFound`."""
    reservations = Reservation.objects.of(parameters["client"]).as_of_now().select_for_update(no_key=True)
    found = reservations.filter(pk=parameters["id"]).first()
    if found is None:
        raise ReservationNotFound(parameters["id"])
    return found


def _require_active(reservation: Reservation) -> None:
    """Raises `ReservationExpired`, `ReservationStateConflict`, which name the present state."""
    if reservation.shown_status == ReservationStatus.EXPIRED:
        raise ReservationExpired(reservation.pk)
    if reservation.status != ReservationStatus.ACTIVE:
        raise ReservationStateConflict(reservation.pk, reservation.get_status_display().lower())
