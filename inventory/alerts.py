"""Alerts: levels that are low or oversold, as the API shows them."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Prefetch, TextChoices, prefetch_related_objects

from inventory.models import ReservationLine, StockLevel
from inventory.representation import level_as_dict

# Of one level, the newest: the first to release when stock is short.
MAX_RESERVATIONS_AT_STAKE: Final = 20

_AT_STAKE: Final = "reservations_at_stake"


class AlertType(TextChoices):
    """Why a level is an alert."""

    LOW = "low"
    OVERSOLD = "oversold"


def read_reservations_at_stake(levels: Sequence[StockLevel], *, of_client: str | None) -> None:
    """Reads the reservations that hold units of the oversold levels, in one statement; those `of_client`, or all."""
    held = ReservationLine.objects.filter(reserved__gt=0).select_related("reservation").order_by("-reservation_id")
    if of_client is not None:
        held = held.filter(reservation__client=of_client)
    oversold = [level for level in levels if level.is_oversold]
    prefetch_related_objects(
        oversold, Prefetch("reservation_lines", held[:MAX_RESERVATIONS_AT_STAKE], to_attr=_AT_STAKE)
    )


def alert_as_dict(level: StockLevel) -> dict[str, Any]:
    """An alert: the level, which was read with its variant and location, its types, and the reservations at stake."""
    kinds = ((AlertType.LOW, level.is_low), (AlertType.OVERSOLD, level.is_oversold))
    lines: Sequence[ReservationLine] = getattr(level, _AT_STAKE, ())
    return {
        "types": [kind.value for kind, applies in kinds if applies],
        "level": level_as_dict(level),
        "reservations": [
            {
                "id": line.reservation_id,
                "reference": line.reservation.reference,
                "client": line.reservation.client,
                "quantity": line.reserved,
                "expires_at": line.reservation.expires_at,
            }
            for line in lines
        ],
    }
