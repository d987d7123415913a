"""What reservations hold: locked, given back, written."""

from collections.abc import Iterable, Sequence
from typing import Final

from django.db import connection
from django.db.models.functions import Now

from inventory.events import ReservationEvent
from inventory.exceptions import ReservationExpired, ReservationNotFound, ReservationStateConflict
from inventory.models import Reservation, ReservationLine, ReservationStatus
from inventory.representation import reservation_as_dict
from inventory.services.level_batch import LevelBatch
from inventory.services.levels import Key
from pms_backend.api.arrays import as_array
from pms_backend.events import services as outbox


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
        raise ReservationStateConflict(reservation.pk, reservation.status)


def held_lines(reservations: Iterable[Reservation]) -> list[ReservationLine]:
    """The lines of which something is held still."""
    return [line for reservation in reservations for line in reservation.lines.all() if line.reserved]


def key_of(line: ReservationLine) -> Key:
    """The line's level."""
    return line.level.variant_id, line.level.location_id


def give_back(lines: Sequence[ReservationLine], sheet: LevelBatch) -> None:
    """What the lines hold is available again: never refused, whatever has become of the level."""
    for line in lines:
        sheet.change(key_of(line), reserved=-line.reserved)
        line.reserved = 0
    write_lines(lines)


_WRITE_LINES: Final = """
UPDATE inventory_reservationline AS line SET reserved = new.reserved, committed = new.committed
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS new(id, reserved, committed) WHERE line.id = new.id
"""


def write_lines(lines: Sequence[ReservationLine]) -> None:
    """Writes lines of locked reservations as they stand in memory."""
    columns = [[line.pk for line in lines], [line.reserved for line in lines], [line.committed for line in lines]]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_LINES, [as_array(column) for column in columns])


def set_status(reservations: Sequence[Reservation], status: ReservationStatus) -> None:
    """Says what has become of locked reservations."""
    for reservation in reservations:
        reservation.status = status
    ids = [reservation.pk for reservation in reservations]
    Reservation.objects.filter(pk__in=ids).update(status=status, updated_at=Now())


def announce(kind: type[ReservationEvent], reservations: Iterable[Reservation]) -> None:
    """Records an event of each, as it stands in memory."""
    outbox.record(*[kind(reservation=reservation_as_dict(reservation)) for reservation in reservations])
