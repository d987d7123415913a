"""The half of a connector that asks the PMS and writes to it; kinds that only send webhooks do not have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from pms_integration.connectors.contract import Connector, Report, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list of the PMS. `cursor` is that of the next part, None after the last one.

    `moment` is the PMS's clock when it answered.
    """

    reports: Sequence[Report]
    cursor: str | None
    moment: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLocation:
    """A location that the PMS lists."""

    external_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StockPush:
    """A movement of ours for the PMS; the same key again means the same push."""

    idempotency_key: str
    sku: str
    external_ids: Sequence[str]
    location: str
    delta: int
    reason: str
    reference: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StockPushResult:
    """The answer to a push: when the PMS applied it, by its own clock, and the figure after it where it tells that.

    `code` says why a push was rejected.
    """

    idempotency_key: str
    status: Literal["applied", "duplicate", "rejected"]
    code: str = ""
    on_hand: int | None = None
    version: Version = None
    occurred_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPush:
    """A whole product for the PMS, made from the PMS's `version`; a new one has no `external_id`."""

    idempotency_key: str
    external_id: str | None
    version: Version
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The JSON of a successful response. `moment` is the PMS's clock, from `Date`; None without one."""

    json: Any
    moment: datetime | None


class PMSClient(Protocol):
    """Sends requests to the PMS of a connection, with its credentials and within the limits of outgoing calls.

    `moment` is that of the last answer.
    """

    moment: datetime | None

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool = False,
    ) -> Answer:
        """The answer to a call of a path below the base URL, percent-encoded, with `body` as JSON.

        `is_repeatable`: the PMS knows the call by a key in it, so that sending it twice does no harm. Raises
        `ConnectorError`, for every status above 299 too, with that `status`.
        """


@runtime_checkable
class OutgoingConnector(Connector, Protocol):
    """A kind of PMS that can be asked and written to. Each call may raise `ConnectorError`.

    What the PMS says about its products and stock is not checked here, as in webhooks, but a response that the
    contract does not allow, such as a page that repeats its cursor, is an error without a `status`.
    """

    # The names of the credentials that a connection of this kind needs.
    credential_names: Sequence[str]
    # `push_stock` sends so many movements in a call to the PMS; given more, it makes several calls, and if one fails,
    # the results of those before are lost.
    max_pushes: int

    def authorization(self, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """The headers that authenticate a call."""

    def check(self, client: PMSClient) -> str:
        """The name of the PMS, which answers and accepts the credentials."""

    def pull_products(self, client: PMSClient, since: datetime | None, cursor: str | None) -> Page:
        """Products that have changed since a moment of the PMS's clock, by its capabilities; all without one."""

    def pull_stock(self, client: PMSClient, since: datetime | None, cursor: str | None) -> Page:
        """The figures that have changed since a moment, as `pull_products`."""

    def get_product(self, client: PMSClient, external_id: str) -> Report:
        """The product as it is now: a `ProductReport`, or a `DeletionReport` where it is gone."""

    def get_stock(self, client: PMSClient, names: Sequence[str]) -> Sequence[Report]:
        """The present figures of variants, by their SKUs or ids, whichever the PMS takes.

        A figure names its variant by that SKU or id, where it can. One that is missing is not known to the PMS.
        """

    def list_locations(self, client: PMSClient) -> Sequence[ExternalLocation] | None:
        """The PMS's locations; None where it has no such list."""

    def push_product(self, client: PMSClient, push: ProductPush) -> Report:
        """Writes a product; returns it as the PMS has it then. Raises `VersionMoved` if its version is not the last."""

    def push_stock(self, client: PMSClient, pushes: Sequence[StockPush]) -> Sequence[StockPushResult]:
        """Writes movements; returns a result for each, in their order."""

    def ensure_webhooks(self, client: PMSClient, url: str, secret: str) -> Literal["ok", "missing", "unsupported"]:
        """Subscribes to the PMS's webhooks where it can be done, and says whether they arrive at `url`."""
