"""The interface of connectors: they verify webhooks and convert them to reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductReport:
    """A complete product of the PMS at `version`; `data` is None if the PMS has deleted it."""

    external_id: str
    version: int
    data: dict[str, Any] | None
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCount:
    """The quantity on hand in the PMS at a moment."""

    sku: str
    location: str
    on_hand: int
    occurred_at: datetime
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockDelta:
    """A change of stock in the PMS at a moment. `note` is the reason of the PMS if it is not one of our reasons."""

    sku: str
    location: str
    delta: int
    occurred_at: datetime
    reason: str
    note: str = ""
    reference: str = ""


Report = ProductReport | StockCount | StockDelta


class Connector(Protocol):
    """One kind of PMS. Connectors do not use the database."""

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> str:
        """The id of the webhook, signed with one of `secrets`. Raises `SignatureInvalid`."""

    def type_of(self, message: dict[str, Any]) -> str:
        """The type of the webhook in its body."""

    def parse(self, message: dict[str, Any]) -> Report | None:
        """The report; None if the type is unknown. Raises `UnusableData`."""
