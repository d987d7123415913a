"""Reserving stock: all lines or none."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

import orjson
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from inventory.events import ReservationCreated
from inventory.exceptions import ReferenceConflict, RefusedLines
from inventory.models import Reservation, ReservationLine, ReservationStatus
from inventory.services.allocation import Allocation
from inventory.services.level_batch import LevelBatch
from inventory.services.levels import Key
from inventory.services.reservation_requests import (
    DEFAULT_EXPIRES_IN_SECONDS,
    ReservationRequest,
    WantedLine,
    WantedLines,
    check_expires_in,
)
from inventory.services.reservation_transitions import (
    MAX_EXPIRED_AT_ONCE,
    announce,
    announce_expired,
    give_back,
    held_lines,
    key_of,
    set_status,
)
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic

OPEN: Final = (ReservationStatus.ACTIVE, ReservationStatus.COMMITTED)

# Waits for another transaction that is making a reservation of the same name.
_INSERT: Final = """
INSERT INTO inventory_reservation (client, reference, status, requested, expires_at)
VALUES (%(client)s, %(reference)s, 'active', %(requested)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT DO NOTHING
RETURNING id
"""


def reserve_stock(
    *,
    client: str,
    reference: str,
    lines: Sequence[ReservationRequest],
    expires_in: int = DEFAULT_EXPIRES_IN_SECONDS,
    published_only: bool = False,
) -> tuple[Reservation, bool]:
    """Promises stock to `client` for `expires_in` seconds; returns the reservation, and whether it was made now.

    A line that names its location is served there alone, before those that do not: these take the first location by
    priority that has all of it, or are split. It is a claim: what is available never falls below the backorder limit.
    The reference again with the same lines is the same reservation, unless that has ended. With `published_only` what
    a shop does not show does not exist.

    Raises `InvalidLines`, `RefusedLines` (`insufficient_stock`, `location_inactive`), `ReferenceConflict`,
    `InvalidReservation`, `InvalidQuantity`.
    """
    check_expires_in(expires_in)
    # The reference is taken first of all. Within somebody else's transaction a refusal has to give it back.
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        return _reserve(client, reference, lines, expires_in, published_only=published_only)


@retried_atomic
def _reserve(
    client: str, reference: str, lines: Sequence[ReservationRequest], expires_in: int, *, published_only: bool
) -> tuple[Reservation, bool]:
    wanted = WantedLines(lines)
    ended: list[Reservation] = []
    while (reservation_id := _insert(client, reference, wanted, expires_in)) is None:
        existing = _lock_by_reference(client, reference)
        if existing is None:
            continue
        if not existing.is_overdue:
            return _the_same(existing, wanted), False
        set_status([existing], ReservationStatus.EXPIRED)
        ended.append(existing)
    if published_only:
        wanted.require_published()
    wanted.require_active_locations()
    # Nobody goes without for what is held by the dead until the next sweep.
    ended += _lock_overdue(wanted)
    _write(reservation_id, wanted, ended)
    reservation = Reservation.objects.as_of_now().get(pk=reservation_id)
    announce(ReservationCreated, [reservation])
    return reservation, True


def _insert(client: str, reference: str, wanted: WantedLines, seconds: int) -> int | None:
    """Takes the reference, whose reservation may be active or committed; nothing where there is one."""
    values: dict[str, Any] = {"client": client, "reference": reference, "seconds": seconds}
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, {**values, "requested": orjson.dumps(wanted.as_json()).decode()})
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _lock_by_reference(client: str, reference: str) -> Reservation | None:
    named = Reservation.objects.filter(client=client, reference=reference, status__in=OPEN)
    return named.as_of_now().select_for_update(no_key=True).first()


def _the_same(existing: Reservation, wanted: WantedLines) -> Reservation:
    if existing.requested != wanted.as_json():
        raise ReferenceConflict(existing.reference, existing.pk)
    return existing


def _lock_overdue(wanted: WantedLines) -> list[Reservation]:
    """Those that still hold of what is wanted although their time is over, unless somebody is at them."""
    lines = ReservationLine.objects.filter(
        reservation=OuterRef("pk"), reserved__gt=0, level__variant__in=wanted.variant_ids
    )
    overdue = Reservation.objects.overdue().filter(Exists(lines)).as_of_now().order_by("id")
    found = list(overdue.select_for_update(no_key=True, skip_locked=True)[:MAX_EXPIRED_AT_ONCE])
    if found:
        set_status(found, ReservationStatus.EXPIRED)
    return found


def _write(reservation_id: int, wanted: WantedLines, ended: list[Reservation]) -> None:
    """Levels, lines and what the ended ones gave back. Raises `RefusedLines`."""
    freed = held_lines(ended)
    keys = {key for line in wanted.lines for key in wanted.keys_of(line)}
    sheet = LevelBatch(keys | {key_of(line) for line in freed})
    if freed:
        give_back(freed, sheet)
        announce_expired(ended)
    taken = _allocate(wanted, sheet)
    for key, units in taken.items():
        sheet.change(key, reserved=units)
    sheet.write()
    ReservationLine.objects.bulk_create(
        ReservationLine(reservation_id=reservation_id, level_id=sheet.states[key].id, quantity=units, reserved=units)
        for key, units in taken.items()
    )


def _allocate(wanted: WantedLines, sheet: LevelBatch) -> dict[Key, int]:
    """What each level gives. Raises `RefusedLines` with every line that cannot be served."""
    allocation = Allocation(sheet.states)
    short: list[FieldError] = []
    for line in sorted(wanted.lines, key=lambda line: (line.location is None, line.index)):
        keys = wanted.keys_of(line)
        if not allocation.take(line.quantity, keys):
            short.append(_shortage(line, allocation.available(keys)))
    if short:
        raise RefusedLines(sorted(short, key=lambda error: int(error.pointer.rpartition("/")[2])))
    # As they were asked for, and of each SKU by the priority of the locations.
    places = {line.variant.pk: line.index for line in reversed(wanted.lines)}
    return dict(sorted(allocation.taken.items(), key=lambda item: places[item[0][0]]))


def _shortage(line: WantedLine, available: int) -> FieldError:
    where = f" at {line.location.code}" if line.location else ""
    detail = f"{available} of {line.variant.sku} are available{where}, {line.quantity} were asked for."
    return FieldError(f"/lines/{line.index}", "insufficient_stock", detail)
