"""What a connector is: the code for one kind of PMS, which converts between its messages and our reports.

Connectors use no models, no settings and no database, so that recorded payloads are enough to test one. Values of
reports may come straight from JSON, such as an id that is a number or absent: `services/report_validation.py` checks
them, for all connectors in one way.

Of several reports of a webhook all are applied or none, products first. So a figure must not wait for a variant that
only a `RefetchReport` of the same webhook brings: ask for the stock too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, Protocol

MAX_WEBHOOK_ID_LENGTH: Final = 255

# A number, or a moment in RFC 3339 with an offset: one connector uses one of them. A report with an older version is
# stale; with the same version it is applied if its content differs, and the resource is asked for, since a moment may
# stand for a whole second. None where the message has no version: it is applied in the order of arrival.
Version = int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantReference:
    """Names a variant: by its SKU, or where the PMS does not tell it, by one of the PMS's ids of the variant.

    A report that names an unknown variant waits for the product that has it.
    """

    sku: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductReport:
    """A whole product of the PMS at `version`.

    `data` has the fields of our products (docs/api-guide.md), and `images`, a list of `{"url", "alt"}` in their order,
    which is left out if the message does not tell them; `payload` is the product as the PMS wrote it. A variant in
    `data` may also have the PMS's ids: `id`, its own, and a list `other_ids`, such as Shopify's inventory item; ids of
    different kinds that could be equal get a prefix, such as `inventory_item:39072856`. A variant without a SKU gets
    one of the connection's slug and its `id`, a price without a currency that of `DEFAULT_CURRENCY`.
    """

    external_id: str
    version: Version
    data: Mapping[str, Any]
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionReport:
    """The PMS has deleted a product."""

    external_id: str
    version: Version = None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureReport:
    """The quantity of a variant in the PMS at a moment, in RFC 3339 with an offset.

    `location` is the PMS's id of it, or a fixed name where the PMS has only one. `occurred_at` is when the quantity was
    read, not when the product was last edited; None if the message does not tell: then the receipt counts.
    """

    variant: VariantReference
    location: str
    on_hand: int
    occurred_at: str | None
    version: Version = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaReport:
    """A change of stock in the PMS at a moment, None for the receipt; `reason` is its own word for it.

    With the `idempotency_key` of a push of ours it is that push, which the PMS has applied.
    """

    variant: VariantReference
    location: str
    delta: int
    occurred_at: str | None
    reason: str | None = None
    reference: str | None = None
    idempotency_key: str | None = None


class Resource(StrEnum):
    """What can be asked for at a PMS."""

    PRODUCT = "product"
    STOCK = "stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefetchReport:
    """A resource has changed, and the message does not say how: it has to be asked for.

    `external_id` is what the PMS is asked with; the same one again, before it was asked for, is one request.
    """

    resource: Resource
    external_id: str


Report = ProductReport | DeletionReport | FigureReport | DeltaReport | RefetchReport


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeResponse:
    """The answer to a PMS that tries the URL before it sends webhooks."""

    status: int = 200
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a kind of PMS can do; the sync engine reads nothing else about the kind.

    `products_since` and `stock_since`: whether lists can be limited to what has changed since a moment.
    `clock_seconds`: the resolution of the PMS's moments.
    `stock_basis`: whether its quantities include what it has promised to its own customers.
    """

    paging: Literal["keyset", "offset"]
    products_since: bool
    stock_since: bool
    clock_seconds: float
    product_version: Literal["number", "moment"] | None
    stock_reports: frozenset[Literal["figures", "deltas"]]
    has_ledger: bool
    stock_basis: Literal["on_hand", "available"]
    has_negative_stock: bool
    stock_write: Literal["relative_with_key", "compare_and_set", "absolute"] | None
    product_write_has_precondition: bool


class ConnectorError(Exception):
    """A call to a PMS failed; the message says why. The caller decides on the retry, in `services/retries.py`.

    `permanent`: the same call would fail again. `retry_after`: the seconds that the PMS asks us to wait. `status`: that
    of the HTTP response; None if there was no response, or one that the contract does not allow.
    """

    def __init__(
        self, detail: str, *, permanent: bool = False, retry_after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(detail)
        self.permanent = permanent
        self.retry_after = retry_after
        self.status = status


class NotCalled(ConnectorError):
    """The PMS was not called: `retry_after` says when it may be, `permanent` that this call cannot be made."""


class AnswerTooLarge(ConnectorError):
    """The PMS's answer is longer than we read; a shorter page may fit."""


class VersionMoved(ConnectorError):
    """The PMS has a newer version of the product than the one that a push was made from; it has to be asked for."""


class Connector(Protocol):
    """One kind of PMS. `headers` ignore the case of names if these are asked for in lower case."""

    capabilities: Capabilities
    # The headers that `parse` needs, in lower case: they are stored with the body. Signatures and secrets are not.
    stored_headers: frozenset[str]

    def handshake(self, headers: Mapping[str, str], body: bytes) -> HandshakeResponse | None:
        """The answer to a first message that is not signed; None if it is a webhook. It changes nothing."""

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> str:
        """The id of a webhook that is signed with one of `secrets`, of at most `MAX_WEBHOOK_ID_LENGTH` characters.

        It is the same for each attempt to deliver the webhook, and for no other webhook. Raises `SignatureInvalid`.
        """

    def type_of(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> str:
        """The type of a webhook, from its headers or from the JSON object of its body; empty if it has none."""

    def parse(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[Report] | None:
        """The reports of a webhook, of which only `stored_headers` are left; None if its type is not known.

        Raises `UnusableData` for what a retry cannot make good. Any other error counts as ours, and is retried.
        """
