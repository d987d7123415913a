"""Reserving stock: all lines or none."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

import orjson
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from inventory.events import ReservationCreated
from inventory.exceptions import ReferenceConflict, RefusedLines
from inventory.models import Reservation, ReservationLine, ReservationStatus
from inventory.services.allocation import Allocation
from inventory.services.level_batch import LevelBatch
from inventory.services.levels import Key
from inventory.services.reservation_requests import (
    DEFAULT_EXPIRES_IN_SECONDS,
    RequestedLine,
    RequestedLines,
    ReservationRequest,
    check_expires_in,
)
from inventory.services.reservation_transitions import (
    MAX_EXPIRED_AT_ONCE,
    announce,
    announce_expired,
    held_lines,
    key_of,
    release_units,
    set_status,
)
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic

OPEN: Final = (ReservationStatus.ACTIVE, ReservationStatus.COMMITTED)

# Waits for a concurrent transaction that inserts the same reference.
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

    A line with a location is served only there, and before the lines without: these get the first location by priority
    that has all units, or are split. It is a claim (ADR 6): the available units never fall below the backorder limit.
    The same reference with the same lines returns the same reservation, unless it was released or has expired. With
    `published_only`, SKUs that storefronts do not see do not exist.

    Raises `InvalidLines`, `RefusedLines` (`insufficient_stock`, `location_inactive`), `ReferenceConflict`,
    `InvalidReservation`, `InvalidQuantity`.
    """
    check_expires_in(expires_in)
    # The reference is inserted first. Within an outer transaction, a refusal has to roll it back.
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        return _reserve(client, reference, lines, expires_in, published_only=published_only)


@retried_atomic
def _reserve(
    client: str, reference: str, lines: Sequence[ReservationRequest], expires_in: int, *, published_only: bool
) -> tuple[Reservation, bool]:
    requested = RequestedLines(lines)
    ended: list[Reservation] = []
    while (reservation_id := _insert(client, reference, requested, expires_in)) is None:
        existing = _lock_by_reference(client, reference)
        if existing is None:
            continue
        if not existing.is_overdue:
            _require_same_request(existing, requested)
            return existing, False
        set_status([existing], ReservationStatus.EXPIRED)
        ended.append(existing)
    if published_only:
        requested.require_published()
    requested.require_active_locations()
    # Expired reservations must not hold stock until the next sweep.
    ended += _expire_overdue(requested)
    _write(reservation_id, requested, ended)
    reservation = Reservation.objects.as_of_now().get(pk=reservation_id)
    announce(ReservationCreated, [reservation])
    return reservation, True


def _insert(client: str, reference: str, requested: RequestedLines, seconds: int) -> int | None:
    """Inserts the reservation; returns None where the reference has an active or committed one."""
    values: dict[str, Any] = {"client": client, "reference": reference, "seconds": seconds}
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, {**values, "requested": orjson.dumps(requested.as_json()).decode()})
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _lock_by_reference(client: str, reference: str) -> Reservation | None:
    named = Reservation.objects.filter(client=client, reference=reference, status__in=OPEN)
    return named.as_of_now().select_for_update(no_key=True).first()


def _require_same_request(existing: Reservation, requested: RequestedLines) -> None:
    if existing.requested != requested.as_json():
        raise ReferenceConflict(existing.reference, existing.pk)


def _expire_overdue(requested: RequestedLines) -> list[Reservation]:
    """Expires reservations past their end that hold the requested variants, and skips locked ones."""
    lines = ReservationLine.objects.filter(
        reservation=OuterRef("pk"), reserved__gt=0, level__variant__in=requested.variant_ids
    )
    overdue = Reservation.objects.overdue().filter(Exists(lines)).as_of_now().order_by("id")
    found = list(overdue.select_for_update(no_key=True, skip_locked=True)[:MAX_EXPIRED_AT_ONCE])
    if found:
        set_status(found, ReservationStatus.EXPIRED)
    return found


def _write(reservation_id: int, requested: RequestedLines, ended: list[Reservation]) -> None:
    """Writes the lines and levels, and releases the units of the ended reservations. Raises `RefusedLines`."""
    freed = held_lines(ended)
    keys = {key for line in requested.lines for key in requested.keys_of(line)}
    levels = LevelBatch(keys | {key_of(line) for line in freed})
    if freed:
        release_units(freed, levels)
        announce_expired(ended)
    allocated = _allocate(requested, levels)
    for key, units in allocated.items():
        levels.change(key, reserved=units)
    levels.write()
    ReservationLine.objects.bulk_create(
        ReservationLine(reservation_id=reservation_id, level_id=levels.states[key].id, quantity=units, reserved=units)
        for key, units in allocated.items()
    )


def _allocate(requested: RequestedLines, levels: LevelBatch) -> dict[Key, int]:
    """The units of each level. Raises `RefusedLines` with an error for each line that cannot be served."""
    allocation = Allocation(levels.states)
    short: list[FieldError] = []
    for line in sorted(requested.lines, key=lambda line: (line.location is None, line.index)):
        keys = requested.keys_of(line)
        if not allocation.allocate(line.quantity, keys):
            short.append(_shortage(line, allocation.available(keys)))
    if short:
        raise RefusedLines(sorted(short, key=lambda error: int(error.pointer.rpartition("/")[2])))
    # In the order of the request, and for each SKU by the priority of the locations.
    positions = {line.variant.pk: line.index for line in reversed(requested.lines)}
    return dict(sorted(allocation.allocated.items(), key=lambda item: positions[item[0][0]]))


def _shortage(line: RequestedLine, available: int) -> FieldError:
    if line.location:
        detail = _("%(available)s of %(sku)s are available at %(location)s, %(requested)s were asked for.")
    else:
        detail = _("%(available)s of %(sku)s are available, %(requested)s were asked for.")
    detail %= {
        "available": available,
        "sku": line.variant.sku,
        "location": line.location and line.location.code,
        "requested": line.quantity,
    }
    return FieldError(f"/lines/{line.index}", "insufficient_stock", detail)
