"""Reservations for tests, made the way everybody makes them; and what a level shows of them."""

from typing import Any

from django.db.models import F

from inventory import services
from inventory.models import Reservation, StockLevel

OURS = "client:shop"


def reserve(*lines: tuple[Any, ...], reference: str = "R-1", client: str = OURS, **more: Any) -> Reservation:
    """`reserve(("A-1", 2), ("B-1", 1, "main"))`."""
    requests = [
        services.ReservationRequest(sku=sku, quantity=quantity, location=location[0] if location else None)
        for sku, quantity, *location in lines
    ]
    return services.reserve_stock(client=client, reference=reference, lines=requests, **more)[0]


def outlive(*reservations: Reservation) -> None:
    """Their time is over, by the database's clock; nobody has swept yet."""
    ids = [reservation.pk for reservation in reservations]
    Reservation.objects.filter(pk__in=ids).update(expires_at=F("created_at"))


def quantities(sku: str = "A-1", location: str = "main") -> tuple[int, int, int]:
    """On hand, reserved and available."""
    level = StockLevel.objects.get(variant__sku=sku, location__code=location)
    return level.on_hand, level.reserved, level.available


def lines_of(reservation: Reservation) -> list[tuple[str, str, int, int, int]]:
    """SKU, location, quantity, what is held still, what is sold."""
    lines = reservation.lines.order_by("id").select_related("level__variant", "level__location")
    return [
        (line.level.variant.sku, line.level.location.code, line.quantity, line.reserved, line.committed)
        for line in lines
    ]
