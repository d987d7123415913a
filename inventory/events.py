"""The events of inventory. Those about stock are recorded by SQL, in `services/ledger.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypedDict

from inventory.level_fields import LevelData
from pms_backend.events.domain_events import DomainEvent
from products.cache_generations import PRODUCT, STOCK

STOCK_CHANGED: Final = "stock.changed"
STOCK_OVERSOLD: Final = "stock.oversold"
STOCK_LOW: Final = "stock.low"
STOCK_REPLENISHED: Final = "stock.replenished"


class MovementData(TypedDict):
    """A movement as `representation.movement_as_dict` shows it."""

    id: int
    sku: str
    location: str
    reason: Literal["receipt", "sale", "return", "correction", "damage", "count", "transfer_out", "transfer_in"]
    delta: int
    on_hand_after: int
    note: str
    reference: str
    actor: str
    request_id: str
    occurred_at: datetime
    created_at: datetime
    reverses: int | None
    reversed_by: int | None


class LocationData(TypedDict):
    """A place that holds stock."""

    code: str
    name: str
    priority: int
    is_active: bool
    address: str


class ReservationLineData(TypedDict):
    """So many units of a SKU that a reservation took at a location, and how many of them are sold."""

    sku: str
    location: str
    quantity: int
    committed: int


class ReservationData(TypedDict):
    """A reservation as `representation.reservation_as_dict` shows it."""

    id: int
    reference: str
    status: Literal["active", "committed", "released", "expired"]
    expires_at: datetime
    lines: list[ReservationLineData]


@dataclass(frozen=True, slots=True, kw_only=True)
class StockEvent(DomainEvent):
    """Something about a level, with the level right after it; `movement` is null where `on_hand` stayed."""

    level: Annotated[dict[str, Any], LevelData]
    movement: Annotated[dict[str, Any], MovementData] | None

    @property
    def subject(self) -> str:
        """`level:LOCATION/SKU`."""
        return f"level:{self.level['location']}/{self.level['sku']}"


class StockChanged(StockEvent, type=STOCK_CHANGED):
    """A level changed: once for each of its versions."""


class StockOversold(StockEvent, type=STOCK_OVERSOLD):
    """More of a level is promised than may be, since this change."""


class StockLow(StockEvent, type=STOCK_LOW):
    """What is available fell to the reorder point, by this change."""


class StockReplenished(StockEvent, type=STOCK_REPLENISHED):
    """What is available rose above the reorder point again, by this change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationChanged(DomainEvent, type="location.changed"):
    """A location was made or changed."""

    location: Annotated[dict[str, Any], LocationData]

    @property
    def subject(self) -> str:
        """`location:CODE`."""
        return f"location:{self.location['code']}"

    @property
    def generations(self) -> tuple[str, ...]:
        """All that shows stock, since only active locations count."""
        return (STOCK, PRODUCT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationEvent(DomainEvent):
    """Something about a reservation, with the reservation right after it."""

    reservation: Annotated[dict[str, Any], ReservationData]

    @property
    def subject(self) -> str:
        """`reservation:ID`."""
        return f"reservation:{self.reservation['id']}"


class ReservationCreated(ReservationEvent, type="reservation.created"):
    """Stock was reserved."""


class ReservationCommitted(ReservationEvent, type="reservation.committed"):
    """Reserved units were sold: all that were left, or some (then it is still active)."""


class ReservationReleased(ReservationEvent, type="reservation.released"):
    """What was still reserved went back."""


class ReservationExpired(ReservationEvent, type="reservation.expired"):
    """Its time was over, and what was still reserved went back."""


class TransferLineData(TypedDict):
    """So many units of a SKU: planned, still under way, arrived, lost."""

    sku: str
    quantity: int
    in_transit: int
    received: int
    lost: int


# `from` is a keyword of Python.
TransferData = TypedDict(
    "TransferData",
    {
        "id": int,
        "from": str,
        "to": str,
        "reference": str,
        "status": Literal["draft", "in_transit", "received", "cancelled"],
        "lines": list[TransferLineData],
        "created_at": datetime,
        "shipped_at": datetime | None,
        "closed_at": datetime | None,
    },
)


class UnitsData(TypedDict):
    """So many units of a SKU."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEvent(DomainEvent):
    """Something about a transfer, with the transfer right after it."""

    transfer: Annotated[dict[str, Any], TransferData]

    @property
    def subject(self) -> str:
        """`transfer:ID`."""
        return f"transfer:{self.transfer['id']}"


class TransferShipped(TransferEvent, type="transfer.shipped"):
    """A transfer left its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReceived(TransferEvent, type="transfer.received"):
    """Units of a transfer arrived, or were lost, by this receipt: all that came, or a part."""

    received: Annotated[list[dict[str, Any]], list[UnitsData]]
    lost: Annotated[list[dict[str, Any]], list[UnitsData]]


class TransferCancelled(TransferEvent, type="transfer.cancelled"):
    """A transfer was called off; what was under way is back at its source."""


class StocktakeSummaryData(TypedDict):
    """Lines in all, counted ones, ones that differed, ones that a later figure made void; units over and short."""

    lines: int
    counted: int
    differing: int
    units_over: int
    units_short: int
    superseded: int


class StocktakeData(TypedDict):
    """A count sheet without its lines, which may be many: each one that changed a level is a `stock.changed`."""

    id: int
    location: str
    status: Literal["open", "posted", "cancelled"]
    is_blind: bool
    note: str
    created_at: datetime
    closed_at: datetime | None
    summary: StocktakeSummaryData


@dataclass(frozen=True, slots=True, kw_only=True)
class StocktakePosted(DomainEvent, type="stocktake.posted"):
    """What was counted at a location became its stock."""

    stocktake: Annotated[dict[str, Any], StocktakeData]

    @property
    def subject(self) -> str:
        """`stocktake:ID`."""
        return f"stocktake:{self.stocktake['id']}"
