"""Where the sample catalogue lies, and how much of it."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inventory import services as inventory
from inventory.models import Location
from products.models import ProductStatus

MAIN: Final = "main"
NOTE: Final = "Opening stock"
# One variant in so many has a reorder point: each is a statement of its own, and the start shall not wait for them.
REORDER_POINT_EVERY: Final = 8


@dataclass(frozen=True, slots=True)
class Place:
    """A location: how many of a hundred variants it keeps, and how many units of one at most."""

    code: str
    name: str
    priority: int
    address: str
    share: int
    most: int


PLACES: Final = (
    Place(MAIN, "Main warehouse", 10, "4 Mill Lane, Alderbrook AB1 2CD", 100, 120),
    Place("east", "East warehouse", 20, "Unit 9, Saltmarsh Quay, Eastermouth EM4 7GH", 65, 60),
    Place("shop", "Shop in the High Street", 30, "31 High Street, Alderbrook AB1 1AA", 40, 12),
)


def create_locations() -> dict[str, Location]:
    """Opens the three locations; by their codes."""
    return {
        place.code: inventory.create_location(
            code=place.code, name=place.name, priority=place.priority, address=place.address
        )
        for place in PLACES
    }


def count_opening_stock(products: Sequence[dict[str, Any]]) -> int:
    """Counts what lies at each place; returns how many figures. Raises `BulkInvalid`, `BulkConflict`."""
    return len(inventory.count_stock_in_bulk(rows=list(_counts(products)), atomic=True))


def _counts(products: Sequence[dict[str, Any]]) -> Iterator[inventory.Count]:
    """What is a draft has not arrived yet, and what is archived is sold out."""
    skus = [
        variant["sku"]
        for product in products
        if product["status"] == ProductStatus.ACTIVE
        for variant in product["variants"]
    ]
    kept = ((sku, place) for sku in skus for place in PLACES if _figure(sku, "kept", place.code) % 100 < place.share)
    for index, (sku, place) in enumerate(kept):
        yield inventory.Count(index=index, sku=sku, location=place.code, on_hand=_on_hand(sku, place), note=NOTE)


def _on_hand(sku: str, place: Place) -> int:
    # Few variants are there in great number, and one in twelve is sold out.
    figure = _figure(sku, "stock", place.code)
    if figure % 12 == 0:
        return 0
    fraction = (figure >> 8) % 1000 / 1000
    return 1 + int(place.most * fraction**2)


def set_reorder_points(products: Sequence[dict[str, Any]]) -> None:
    """Gives some variants of the main warehouse a reorder point. Raises what `update_level` raises."""
    active = [product for product in products if product["status"] == ProductStatus.ACTIVE]
    for variant in [variant for product in active for variant in product["variants"]][::REORDER_POINT_EVERY]:
        inventory.update_level(sku=variant["sku"], location=MAIN, values={"reorder_point": 8})


def _figure(*words: str) -> int:
    """A number that looks like chance and is the same in every run."""
    return zlib.crc32("/".join(words).encode())
