"""Committing, releasing, extending and expiring reservations. Each locks the reservation before its levels."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from inventory.events import ReservationCommitted, ReservationEvent, ReservationReleased
from inventory.events import ReservationExpired as ReservationHasExpired
from inventory.exceptions import (
    InvalidLines,
    InvalidReservation,
    RefusedLines,
    ReservationExpired,
    ReservationNotFound,
    ReservationStateConflict,
)
from inventory.models import Reason, Reservation, ReservationLine, ReservationStatus
from inventory.representation import reservation_as_dict
from inventory.services.level_batch import LevelBatch
from inventory.services.levels import Key
from inventory.services.line_updates import write_lines
from inventory.services.reservation_requests import (
    DEFAULT_EXPIRES_IN_SECONDS,
    MAX_RESERVATION_LINES,
    check_expires_in,
    check_quantity,
)
from pms_backend.api import context
from pms_backend.api.batches import run_batches
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from products.skus import sku_key

# The most reservations that the sweep expires in a transaction, or that a new reservation expires before it.
MAX_EXPIRED_AT_ONCE: Final = 100


@retried_atomic
def commit_reservation(
    *, reservation_id: int, client: str | None, lines: Sequence[tuple[str, int]] | None = None
) -> Reservation:
    """Sells what is reserved: all of it, or of each SKU in `lines` so many units; the others stay reserved.

    The available units stay the same, so stock cannot be short. A `client` may change only its own reservations, None
    all. A committed one is returned as it is. Raises `ReservationNotFound`, `ReservationExpired`,
    `ReservationStateConflict`, `InvalidLines`, `RefusedLines` (`exceeds_reservation`), `InvalidReservation`,
    `InvalidQuantity`.
    """
    reservation = lock_reservation(reservation_id, client)
    if reservation.status == ReservationStatus.COMMITTED:
        return reservation
    require_active(reservation)
    sold = _units_to_sell(reservation, lines)
    levels = LevelBatch((key_of(line) for line, _ in sold), reference=reservation.reference)
    for line, units in sold:
        levels.change(key_of(line), on_hand=-units, reserved=-units, reason=Reason.SALE)
        line.reserved -= units
        line.committed += units
    levels.write()
    write_lines([line for line, _ in sold], "reserved", "committed")
    is_over = not held_lines([reservation])
    set_status([reservation], ReservationStatus.COMMITTED if is_over else ReservationStatus.ACTIVE)
    announce(ReservationCommitted, [reservation])
    return reservation


@retried_atomic
def release_reservation(*, reservation_id: int, client: str | None) -> Reservation:
    """Releases the units that are still reserved. A `client` may change only its own reservations, None all.

    A released one is returned as it is. Raises `ReservationNotFound`, `ReservationExpired`,
    `ReservationStateConflict`.
    """
    reservation = lock_reservation(reservation_id, client)
    if reservation.status == ReservationStatus.RELEASED:
        return reservation
    require_active(reservation)
    _end([reservation], ReservationStatus.RELEASED)
    announce(ReservationReleased, [reservation])
    return reservation


@retried_atomic
def extend_reservation(
    *, reservation_id: int, client: str | None, expires_in: int = DEFAULT_EXPIRES_IN_SECONDS
) -> Reservation:
    """Sets the end to `expires_in` seconds from now. A `client` may change only its own reservations, None all.

    Raises `ReservationNotFound`, `ReservationExpired`, `ReservationStateConflict`, `InvalidReservation`.
    """
    check_expires_in(expires_in)
    reservation = lock_reservation(reservation_id, client)
    require_active(reservation)
    Reservation.objects.filter(pk=reservation_id).update(
        expires_at=Now() + timedelta(seconds=expires_in), updated_at=Now()
    )
    reservation.refresh_from_db(fields=["expires_at", "updated_at"])
    return reservation


def expire_reservations() -> int:
    """Expires the reservations that are past their end, a batch a transaction; returns their number.

    A reservation that another transaction has locked is skipped.
    """
    return run_batches(_expire_batch)


def announce_expired(reservations: Sequence[Reservation]) -> None:
    """Records `reservation.expired` of each, with the actor `system`."""
    with context.acting_as("system"):
        announce(ReservationHasExpired, reservations)


@retried_atomic
def _expire_batch() -> int:
    overdue = Reservation.objects.overdue().as_of_now().order_by("id")
    batch = list(overdue.select_for_update(no_key=True, skip_locked=True)[:MAX_EXPIRED_AT_ONCE])
    if batch:
        _end(batch, ReservationStatus.EXPIRED)
        announce_expired(batch)
    return len(batch)


def _end(reservations: Sequence[Reservation], status: ReservationStatus) -> None:
    lines = held_lines(reservations)
    levels = LevelBatch(key_of(line) for line in lines)
    release_units(lines, levels)
    levels.write()
    set_status(reservations, status)


def _units_to_sell(
    reservation: Reservation, lines: Sequence[tuple[str, int]] | None
) -> list[tuple[ReservationLine, int]]:
    """The lines to sell and the units of each, in the order in which the locations were chosen."""
    if lines is None:
        return [(line, line.reserved) for line in held_lines([reservation])]
    wanted = _wanted_units(reservation, lines)
    sold: list[tuple[ReservationLine, int]] = []
    for line in held_lines([reservation]):
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


def lock_reservation(reservation_id: int, client: str | None) -> Reservation:
    """The reservation as it is now, locked to the end of the transaction. Raises `ReservationNotFound`."""
    reservations = Reservation.objects.of(client).as_of_now().select_for_update(no_key=True)
    found = reservations.filter(pk=reservation_id).first()
    if found is None:
        raise ReservationNotFound(reservation_id)
    return found


def require_active(reservation: Reservation) -> None:
    """Raises `ReservationExpired`, `ReservationStateConflict`, which name the present state."""
    if reservation.shown_status == ReservationStatus.EXPIRED:
        raise ReservationExpired(reservation.pk)
    if reservation.status != ReservationStatus.ACTIVE:
        raise ReservationStateConflict(reservation.pk, reservation.get_status_display().lower())


def held_lines(reservations: Iterable[Reservation]) -> list[ReservationLine]:
    """The lines that still hold units."""
    return [line for reservation in reservations for line in reservation.lines.all() if line.reserved]


def key_of(line: ReservationLine) -> Key:
    """The (variant, location) of a line."""
    return line.level.variant_id, line.level.location_id


def release_units(lines: Sequence[ReservationLine], levels: LevelBatch) -> None:
    """Makes the units that the lines hold available again. It is never refused."""
    for line in lines:
        levels.change(key_of(line), reserved=-line.reserved)
        line.reserved = 0
    write_lines(lines, "reserved", "committed")


def set_status(reservations: Sequence[Reservation], status: ReservationStatus) -> None:
    """Sets the status of locked reservations."""
    for reservation in reservations:
        reservation.status = status
    ids = [reservation.pk for reservation in reservations]
    Reservation.objects.filter(pk__in=ids).update(status=status, updated_at=Now())


def announce(kind: type[ReservationEvent], reservations: Iterable[Reservation]) -> None:
    """Records an event of each, as it stands in memory."""
    outbox.record(*[kind(reservation=reservation_as_dict(reservation)) for reservation in reservations])
