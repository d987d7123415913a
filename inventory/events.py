"""What inventory announces. `stock.changed` and `stock.oversold` are written by SQL, in `services/ledger.py`."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from pms_backend.events.facts import Fact

STOCK_CHANGED: Final = "stock.changed"
STOCK_OVERSOLD: Final = "stock.oversold"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationChanged(Fact):
    """A location was made or changed."""

    type: ClassVar[str] = "location.changed"
    location: dict[str, Any]

    @property
    def subject(self) -> str:
        """`location:CODE`."""
        return f"location:{self.location['code']}"

    def data(self) -> dict[str, Any]:
        """`{"location"}`."""
        return {"location": self.location}
