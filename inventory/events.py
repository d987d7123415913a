"""What inventory announces. `stock.changed` and `stock.oversold` are written by SQL, in `services/ledger.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, TypedDict

from pms_backend.events.facts import Fact
from products.generations import PRODUCT, STOCK

STOCK_CHANGED: Final = "stock.changed"
STOCK_OVERSOLD: Final = "stock.oversold"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationChanged(Fact):
    """A location was made or changed."""

    type: ClassVar[str] = "location.changed"
    location: Annotated[dict[str, Any], LocationData]

    @property
    def subject(self) -> str:
        """`location:CODE`."""
        return f"location:{self.location['code']}"

    @property
    def generations(self) -> tuple[str, ...]:
        """Every answer that shows stock: which locations count may be another set."""
        return (STOCK, PRODUCT)

    def data(self) -> dict[str, Any]:
        """`{"location"}`."""
        return {"location": self.location}
