"""The expected stock after any sequence of requests."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count

LevelKey = tuple[str, str]


@dataclass
class Level:
    """One SKU at one location: the moments at which units came and went, and that of the last count."""

    moved: list[tuple[int, int]] = field(default_factory=list)
    counted_at: int = -1
    reserved: int = 0
    incoming: int = 0
    backorder_limit: int = 0

    @property
    def on_hand(self) -> int:
        return sum(delta for _, delta in self.moved)

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved

    @property
    def claimable(self) -> int:
        return self.available + self.backorder_limit

    @property
    def is_oversold(self) -> bool:
        return self.claimable < 0

    def move(self, moment: int, delta: int) -> None:
        self.moved.append((moment, delta))

    def settle(self, moment: int, on_hand: int) -> None:
        """Applies a count of that moment, unless there is a later one."""
        if self.counted_at <= moment:
            self.counted_at = moment
            self.move(moment, on_hand - sum(delta for when, delta in self.moved if when <= moment))


@dataclass
class HeldReservation:
    """A reservation: what is held of each level."""

    held: dict[LevelKey, int]
    status: str = "active"


@dataclass
class Shipment:
    """A transfer: what is on its way of each SKU."""

    source: str
    target: str
    lines: dict[str, int]
    coming: dict[str, int] = field(default_factory=dict)
    status: str = "draft"


@dataclass
class CountSheet:
    """A stocktake: what was counted of each SKU, and when."""

    location: str
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)
    status: str = "open"


def contradicts(reason: str, delta: int) -> bool:
    """Whether the reason is one of the other direction."""
    return delta < 0 if reason in ("receipt", "return") else delta > 0 and reason in ("sale", "damage")


class Warehouse:
    """Levels, and the promises, shipments and count sheets upon them. A request that is refused changes nothing."""

    def __init__(self) -> None:
        self.levels: defaultdict[LevelKey, Level] = defaultdict(Level)
        self._moments = count()

    def moment(self) -> int:
        return next(self._moments)

    def quantities(self) -> dict[LevelKey, tuple[int, int, int, bool]]:
        return {
            key: (level.on_hand, level.reserved, level.incoming, level.is_oversold)
            for key, level in self.levels.items()
        }

    def adjust(self, key: LevelKey, delta: int, reason: str) -> bool:
        """Whether it was done."""
        if contradicts(reason, delta):
            return False
        level = self.levels[key]
        if delta < 0 and reason != "damage" and level.claimable < -delta:
            return False
        level.move(self.moment(), delta)
        return True

    def count(self, key: LevelKey, on_hand: int) -> None:
        self.levels[key].settle(self.moment(), on_hand)

    def limit(self, key: LevelKey, backorder_limit: int) -> bool:
        level = self.levels[key]
        if backorder_limit < level.backorder_limit and level.available < -backorder_limit:
            return False
        level.backorder_limit = backorder_limit
        return True

    def can_reserve(self, lines: list[tuple[str, str | None, int]], locations: list[str]) -> bool:
        """Whether each line, of a SKU of its own, can be served; where, is the warehouse's to say."""
        return all(
            sum(max(0, self.levels[sku, code].claimable) for code in ([location] if location else locations))
            >= quantity
            for sku, location, quantity in lines
        )

    def hold(self, held: dict[LevelKey, int]) -> HeldReservation:
        for key, quantity in held.items():
            self.levels[key].reserved += quantity
        return HeldReservation(held)

    def commit(self, promise: HeldReservation, wanted: dict[LevelKey, int]) -> None:
        for key, quantity in wanted.items():
            self.levels[key].reserved -= quantity
            self.levels[key].move(self.moment(), -quantity)
            promise.held[key] -= quantity
        if not any(promise.held.values()):
            promise.status = "committed"

    def let_go(self, promise: HeldReservation, status: str) -> None:
        for key, quantity in promise.held.items():
            self.levels[key].reserved -= quantity
        promise.held, promise.status = {}, status

    def ship(self, shipment: Shipment) -> bool:
        if any(self.levels[sku, shipment.source].claimable < quantity for sku, quantity in shipment.lines.items()):
            return False
        for sku, quantity in shipment.lines.items():
            self.levels[sku, shipment.source].move(self.moment(), -quantity)
            self.levels[sku, shipment.target].incoming += quantity
        shipment.coming, shipment.status = dict(shipment.lines), "in_transit"
        return True

    def receive(self, shipment: Shipment, received: dict[str, int], *, closes: bool) -> None:
        """What arrives; with `closes` the rest is lost on the way."""
        for sku, quantity in received.items():
            self._arrive(shipment, sku, quantity, at=shipment.target)
        if closes:
            for sku, quantity in shipment.coming.items():
                self.levels[sku, shipment.target].incoming -= quantity
            shipment.coming = {}
        if not any(shipment.coming.values()):
            shipment.status = "received"

    def turn_back(self, shipment: Shipment) -> None:
        for sku, quantity in list(shipment.coming.items()):
            self._arrive(shipment, sku, quantity, at=shipment.source)
        shipment.status = "cancelled"

    def _arrive(self, shipment: Shipment, sku: str, quantity: int, *, at: str) -> None:
        shipment.coming[sku] -= quantity
        self.levels[sku, shipment.target].incoming -= quantity
        self.levels[sku, at].move(self.moment(), quantity)

    def post(self, sheet: CountSheet) -> None:
        for sku, (moment, on_hand) in sheet.counted.items():
            self.levels[sku, sheet.location].settle(moment, on_hand)
        sheet.status = "posted"
