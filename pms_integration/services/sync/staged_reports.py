"""Reports of a list as they are stored until they are applied."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from pms_backend.api.storable_text import is_storable
from pms_integration.connectors.contract import (
    DeletionReport,
    DeltaReport,
    FigureReport,
    ProductReport,
    RefetchReport,
    Report,
    VariantReference,
)
from pms_integration.exceptions import UnusableData
from pms_integration.models import PMSConnection, SyncReport, SyncResource
from pms_integration.services.report_validation import validated
from pms_integration.services.valid_reports import Reported, ValidReport
from products.models import ProductStatus

_KINDS: Final[dict[str, type[Report]]] = {
    kind.__name__: kind for kind in (ProductReport, DeletionReport, FigureReport, DeltaReport, RefetchReport)
}
# A product that a complete list does not have.
ABSENCE: Final = "Absence"
# An entry that cannot be stored: it is listed all the same, so that its product is not missing.
REFUSED: Final = "Refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedReport:
    """An entry of a list, ready to be stored. `error`: why its content cannot be, which is left out then."""

    resource: SyncResource
    key: str
    content: str
    is_reduction: bool
    error: str = ""


def staged(report: Report, resource: SyncResource) -> StagedReport:
    """The report as JSON, with the key of what it is about."""
    values = {field.name: getattr(report, field.name) for field in fields(report)}
    if isinstance(report, ProductReport) and report.data is report.payload:
        del values["data"]
    if "variant" in values:
        values["variant"] = asdict(values["variant"])
    content = {"kind": type(report).__name__, **values}
    error = "" if is_storable(content) else "It holds a NUL (\\u0000) or half of a surrogate pair."
    return StagedReport(
        resource=resource,
        key=_key(report),
        content=json.dumps({"kind": REFUSED} if error else content, ensure_ascii=False),
        is_reduction=not error and _is_reduction(report),
        error=error,
    )


def report_of(content: dict[str, Any]) -> Report:
    """The report that was stored."""
    values = dict(content)
    name = values.pop("kind")
    if name == ABSENCE:
        return DeletionReport(external_id=values["external_id"], payload={})
    kind = _KINDS[name]
    if kind is ProductReport:
        values.setdefault("data", values["payload"])
    if "variant" in values:
        values["variant"] = VariantReference(**values["variant"])
    return kind(**values)


def is_refused(one: SyncReport) -> bool:
    """Whether the entry could not be stored, which was counted when it was listed."""
    return bool(one.report["kind"] == REFUSED)


def is_absence(one: SyncReport) -> bool:
    """Whether the PMS does not list the product any more."""
    return bool(one.report["kind"] == ABSENCE)


def validated_reports(
    pms: PMSConnection, reports: Sequence[SyncReport]
) -> tuple[list[Reported[ValidReport]], list[tuple[SyncReport, UnusableData]]]:
    """The reports with checked values, named as the run's, and those that cannot be used."""
    valid: list[Reported[ValidReport]] = []
    refused: list[tuple[SyncReport, UnusableData]] = []
    for one in reports:
        try:
            report = validated(report_of(one.report), received_at=one.received_at, slug=pms.slug)
        except UnusableData as error:
            refused.append((one, error))
            continue
        name = f"sync-run-{one.run_id}"
        valid.append(Reported(message_id=one.pk, name=name, line=one.pk, report=report, pulled_at=one.pulled_at))
    return valid, refused


def _key(report: Report) -> str:
    if isinstance(report, FigureReport | DeltaReport):
        identity = json.dumps((report.variant.sku, report.variant.external_id, report.location), default=str)
    else:
        # `checking` computes the key of a product in SQL.
        identity = str(report.external_id)
    return hashlib.sha256(identity.encode(errors="replace")).hexdigest()


def _is_reduction(report: Report) -> bool:
    match report:
        case DeletionReport():
            return True
        case ProductReport():
            return report.data.get("status") == ProductStatus.ARCHIVED
        case FigureReport():
            return isinstance(report.on_hand, int) and report.on_hand <= 0
    return False
