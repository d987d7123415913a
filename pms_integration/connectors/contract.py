"""What a connector does: it verifies, and turns its PMS's words into ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductReport:
    """A whole product as it is in the PMS at `version`; without `data` it is deleted there."""

    external_id: str
    version: int
    data: dict[str, Any] | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFigure:
    """What the PMS had on hand at a moment."""

    sku: str
    location: str
    on_hand: int
    occurred_at: datetime
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockDelta:
    """What came or went at the PMS at a moment. `reason` is one of ours, `note` the PMS's word where that is none."""

    sku: str
    location: str
    delta: int
    occurred_at: datetime
    reason: str
    note: str = ""
    reference: str = ""


Report = ProductReport | StockFigure | StockDelta


class Connector(Protocol):
    """One kind of PMS. Connectors touch no database."""

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> str:
        """The id of the webhook that was signed with one of `secrets`. Raises `SignatureInvalid`."""

    def type_of(self, message: dict[str, Any]) -> str:
        """The type that a webhook's body names."""

    def parse(self, message: dict[str, Any]) -> Report | None:
        """What it reports; nothing where the type is not one that we know. Raises `UnusableData`."""
