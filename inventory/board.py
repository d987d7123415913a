"""The live board: for each location the levels to look at first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from inventory.events import STOCK_CHANGED
from inventory.models import Location, StockLevel
from pms_backend.events.models import Event
from products.models import Variant
from products.skus import sku_key

LEVELS_A_LOCATION: Final = 30
# The newest changes of the feed, among which the board finds the levels that changed last. Reading them takes 4 ms. An
# index of the moments of change would make each change of stock three times as expensive (measured on 200,000 levels),
# and without one the board would take 190 ms more.
RECENT_CHANGES: Final = 2_000


@dataclass(frozen=True, slots=True)
class BoardSection:
    """The levels of a location: oversold, then low, then the last changed; and how many in need are not among them."""

    location: Location
    levels: list[StockLevel]
    hidden_in_need: int


def locations_with_stock() -> QuerySet[Location]:
    """The active locations that have levels, by priority."""
    return Location.objects.filter(Exists(StockLevel.objects.filter(location=OuterRef("pk"))), is_active=True)


def read_board(locations: Sequence[Location]) -> list[BoardSection]:
    """The sections of these locations, each of at most `LEVELS_A_LOCATION` levels. It takes four queries."""
    in_need, totals = _levels_in_need(locations)
    wanted = Q(pk__in=in_need)
    for location, variants in _last_changed(locations).items():
        wanted |= Q(location_id=location, variant_id__in=variants)
    sections: dict[int, list[StockLevel]] = {location.pk: [] for location in locations}
    levels = StockLevel.objects.filter(wanted).select_related("variant__product")
    for level in levels.order_by("-is_oversold", "-is_low", "-updated_at", "-pk"):
        sections[level.location_id].append(level)
    return [
        BoardSection(
            location=location,
            levels=sections[location.pk][:LEVELS_A_LOCATION],
            hidden_in_need=max(0, totals.get(location.pk, 0) - LEVELS_A_LOCATION),
        )
        for location in locations
    ]


def _levels_in_need(locations: Sequence[Location]) -> tuple[list[int], dict[int, int]]:
    """The first low or oversold levels of each location, and how many there are in all."""
    first = (F("is_oversold").desc(), F("is_low").desc(), F("updated_at").desc(), F("pk").desc())
    place = Window(RowNumber(), partition_by="location_id", order_by=first)
    total = Window(Count("pk"), partition_by="location_id")
    ranked = StockLevel.objects.in_need().filter(location__in=locations).annotate(place=place, total=total)
    rows = ranked.filter(place__lte=LEVELS_A_LOCATION).order_by().values_list("pk", "location_id", "total")
    found = list(rows)
    return [pk for pk, _, _ in found], {location: total for _, location, total in found}


def _last_changed(locations: Sequence[Location]) -> dict[int, list[int]]:
    """The variants whose level was the last to change at each location."""
    changes = Event.objects.filter(type=STOCK_CHANGED, sequence__isnull=False).order_by("-sequence")
    newest: dict[str, dict[str, None]] = {location.code: {} for location in locations}
    for code, sku in changes.values_list("data__level__location", "data__level__sku")[:RECENT_CHANGES]:
        keys = newest.get(code)
        if keys is not None and len(keys) < LEVELS_A_LOCATION:
            keys[sku_key(sku)] = None
    wanted = set().union(*newest.values())
    variants = dict(Variant.objects.filter(sku_key__in=wanted).values_list("sku_key", "pk"))
    return {location.pk: [variants[key] for key in newest[location.code] if key in variants] for location in locations}
