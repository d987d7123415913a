"""Levels, movements, reservations, transfers and stocktakes as the API, the events and the sockets show them."""

from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from django.db.models import F

from inventory.events import MovementData
from inventory.level_fields import LEVEL_FIELDS
from inventory.models import Reservation, StockLevel, StockMovement, Stocktake, Transfer
from inventory.queries import summary_of

TOTALS: Final = ("on_hand", "reserved", "incoming", "available")


def totals_of(levels: list[dict[str, Any]]) -> dict[str, int]:
    """The sums over levels as they are shown."""
    return {name: sum(level[name] for level in levels) for name in TOTALS}


def level_as_dict(level: StockLevel) -> dict[str, Any]:
    """One level that was read with its variant and location."""
    return dict(zip(LEVEL_FIELDS, _values_of_level(level), strict=True))


def level_of_row(row: tuple[Any, ...]) -> dict[str, Any]:
    """The same from a row of `LEVEL_COLUMNS`, for reads of many."""
    return dict(zip(LEVEL_FIELDS, row, strict=True))


def movement_as_dict(movement: StockMovement) -> dict[str, Any]:
    """One movement that was read by `as_shown()`."""
    return dict(zip(MovementData.__annotations__, _values_of_movement(movement), strict=True))


# The paths of the fields that are not columns of their own table.
_LEVEL_PATHS: Final = {"sku": "variant.sku", "location": "location.code"}
_MOVEMENT_PATHS: Final = {"sku": "level.variant.sku", "location": "level.location.code", "reverses": "reverses_id"}
_values_of_level: Final = attrgetter(*(_LEVEL_PATHS.get(name, name) for name in LEVEL_FIELDS))
_values_of_movement: Final = attrgetter(*(_MOVEMENT_PATHS.get(name, name) for name in MovementData.__annotations__))
LEVEL_COLUMNS: Final = tuple(
    F("on_hand") - F("reserved") if name == "available" else _LEVEL_PATHS.get(name, name).replace(".", "__")
    for name in LEVEL_FIELDS
)


def reservation_as_dict(reservation: Reservation) -> dict[str, Any]:
    """One reservation that was read by `as_of_now()`, or that a service has returned."""
    return reservation.shown or {
        "id": reservation.pk,
        "reference": reservation.reference,
        "status": str(reservation.shown_status),
        "expires_at": moment_as_json(reservation.expires_at),
        "lines": [
            {
                "sku": line.level.variant.sku,
                "location": line.level.location.code,
                "quantity": line.quantity,
                "committed": line.committed,
            }
            for line in reservation.lines.all()
        ],
    }


def transfer_as_dict(transfer: Transfer) -> dict[str, Any]:
    """One transfer that was read by `with_lines()`."""
    return {
        "id": transfer.pk,
        "from": transfer.source.code,
        "to": transfer.target.code,
        "reference": transfer.reference,
        "status": transfer.status,
        "lines": [
            {
                "sku": line.variant.sku,
                "quantity": line.quantity,
                "in_transit": line.in_transit,
                "received": line.received,
                "lost": line.lost,
            }
            for line in transfer.lines.all()
        ],
        "created_at": moment_as_json(transfer.created_at),
        "shipped_at": moment_as_json(transfer.shipped_at),
        "closed_at": moment_as_json(transfer.closed_at),
    }


def stocktake_as_dict(stocktake: Stocktake) -> dict[str, Any]:
    """One count sheet that was read with its location, without its lines."""
    return {
        "id": stocktake.pk,
        "location": stocktake.location.code,
        "status": stocktake.status,
        "is_blind": stocktake.is_blind,
        "note": stocktake.note,
        "created_at": moment_as_json(stocktake.created_at),
        "closed_at": moment_as_json(stocktake.closed_at),
    }


def stocktake_with_summary(stocktake: Stocktake) -> dict[str, Any]:
    """The same with the summary of its lines."""
    return {**stocktake_as_dict(stocktake), "summary": summary_of(stocktake)}


def stocktake_line_as_dict(line: Any) -> dict[str, Any]:
    """One line that was read with its variant and by `queries.with_variance()`."""
    return {
        "sku": line.variant.sku,
        "expected": line.expected,
        "counted": line.counted,
        "counted_at": moment_as_json(line.counted_at),
        "variance": line.variance,
    }


def moment_as_json(moment: datetime | None) -> str | None:
    """The moment in RFC 3339."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
