"""What inventory announces. The facts about stock are written by SQL, in `services/ledger.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, TypedDict

from pms_backend.events.facts import Fact

STOCK_CHANGED: Final = "stock.changed"
STOCK_OVERSOLD: Final = "stock.oversold"
STOCK_LOW: Final = "stock.low"
STOCK_REPLENISHED: Final = "stock.replenished"


class LevelData(TypedDict):
    """A level as `representation.level_as_dict` shows it."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    incoming: int
    available: int
    version: int
    reorder_point: int | None
    backorder_limit: int
    is_oversold: bool
    updated_at: datetime


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
class StockFact(Fact):
    """Something about a level, with the level right after it; `movement` is null where `on_hand` stayed."""

    level: Annotated[dict[str, Any], LevelData]
    movement: Annotated[dict[str, Any], MovementData] | None

    @property
    def subject(self) -> str:
        """`level:LOCATION/SKU`."""
        return f"level:{self.level['location']}/{self.level['sku']}"

    def data(self) -> dict[str, Any]:
        """`{"level", "movement"}`."""
        return {"level": self.level, "movement": self.movement}


class StockChanged(StockFact):
    """A level changed: once for each of its versions."""

    type: ClassVar[str] = STOCK_CHANGED


class StockOversold(StockFact):
    """More of a level is promised than may be, since this change."""

    type: ClassVar[str] = STOCK_OVERSOLD


class StockLow(StockFact):
    """What is available fell to the reorder point, by this change."""

    type: ClassVar[str] = STOCK_LOW


class StockReplenished(StockFact):
    """What is available rose above the reorder point again, by this change."""

    type: ClassVar[str] = STOCK_REPLENISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationChanged(Fact):
    """A location was made or changed."""

    type: ClassVar[str] = "location.changed"
    location: Annotated[dict[str, Any], LocationData]

    @property
    def subject(self) -> str:
        """`location:CODE`."""
        return f"location:{self.location['code']}"

    def data(self) -> dict[str, Any]:
        """`{"location"}`."""
        return {"location": self.location}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationFact(Fact):
    """Something about a reservation, with the reservation right after it."""

    reservation: Annotated[dict[str, Any], ReservationData]

    @property
    def subject(self) -> str:
        """`reservation:ID`."""
        return f"reservation:{self.reservation['id']}"

    def data(self) -> dict[str, Any]:
        """`{"reservation"}`."""
        return {"reservation": self.reservation}


class ReservationCreated(ReservationFact):
    """Stock was reserved."""

    type: ClassVar[str] = "reservation.created"


class ReservationCommitted(ReservationFact):
    """Reserved units were sold: all that were left, or some (then it is still active)."""

    type: ClassVar[str] = "reservation.committed"


class ReservationReleased(ReservationFact):
    """What was still reserved went back."""

    type: ClassVar[str] = "reservation.released"


class ReservationExpired(ReservationFact):
    """Its time was over, and what was still reserved went back."""

    type: ClassVar[str] = "reservation.expired"
