"""Reports of a PMS whose values are checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from pms_integration.connectors.contract import Resource


@dataclass(frozen=True, slots=True)
class VariantKey:
    """Names a variant by its SKU key, or by an id of the PMS."""

    sku_key: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockReport:
    """A valid figure or change of stock."""

    variant: VariantKey
    location: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure(StockReport):
    """A valid figure. `version` is None where the PMS has none."""

    on_hand: int
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta(StockReport):
    """A valid change; `note` is the PMS's reason if it is not one of ours. `key` may be that of a push of ours."""

    delta: int
    reason: str
    note: str
    reference: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalProduct:
    """A valid product of the PMS; `data` is None if the PMS has deleted it.

    A moment as its version is counted in microseconds since 1970. `variant_ids` has the ids of each variant by its SKU
    key, the PMS's own id first. `digest` is equal for equal content. `images` has the alt text of each URL in the order
    of the images, None for a text that is not told; it is None itself if the report tells nothing of images. `notes`
    say what was left out of the report.
    """

    external_id: str
    version: int | None
    data: dict[str, Any] | None
    payload: dict[str, Any]
    variant_ids: dict[str, tuple[str, ...]]
    digest: str
    images: dict[str, str | None] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refetch:
    """A resource that has to be asked for."""

    resource: Resource
    external_id: str


ValidReport = StockReport | ExternalProduct | Refetch
AnyReport = TypeVar("AnyReport", bound=ValidReport)
Report_co = TypeVar("Report_co", bound=ValidReport, covariant=True)


@dataclass(frozen=True, slots=True)
class Reported(Generic[Report_co]):
    """A valid report and the message that it came with: a webhook, or an answer of the PMS, received at `pulled_at`.

    `message_id` is the id of the webhook's event, or a number that is the answer's; `name` the webhook's id, or the
    answer's name, which is the request id of the changes. `line` tells the reports of one name apart.
    """

    message_id: int
    name: str
    line: int
    report: Report_co
    pulled_at: datetime | None = None


def of_kind(reported: Iterable[Reported[ValidReport]], kind: type[AnyReport]) -> list[Reported[AnyReport]]:
    """Those whose report is of this kind, in their order."""
    return [cast("Reported[AnyReport]", one) for one in reported if isinstance(one.report, kind)]
