"""What a PMS answers: its reports are checked one by one, so that an unusable one costs itself only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pms_integration.connectors.contract import Report
from pms_integration.exceptions import UnusableData
from pms_integration.models import PMSConnection
from pms_integration.services.outcomes import Outcome
from pms_integration.services.product_reports import apply_product_reports
from pms_integration.services.report_validation import validated
from pms_integration.services.stock_reports import apply_stock_reports
from pms_integration.services.valid_reports import ExternalProduct, Reported, StockReport, ValidReport, of_kind


@dataclass(frozen=True, slots=True)
class UnusableReport:
    """A report whose values cannot be used, its place in the answer, and why."""

    line: int
    report: Report
    error: UnusableData


def checked_reports(
    reports: Iterable[tuple[int, Report]], *, slug: str, name: str, moment: datetime | None, pulled_at: datetime
) -> tuple[list[Reported[ValidReport]], list[UnusableReport]]:
    """The valid reports of an answer, each with its line as its message's id, and those that are unusable.

    `name` is that of the answer, which no other has, `moment` the PMS's clock if it is known, `pulled_at` our own when
    the answer was received.
    """
    valid: list[Reported[ValidReport]] = []
    unusable: list[UnusableReport] = []
    for line, report in reports:
        try:
            checked = validated(report, received_at=moment or pulled_at, slug=slug)
        except UnusableData as error:
            unusable.append(UnusableReport(line, report, error))
        else:
            valid.append(Reported(message_id=line, name=name, line=line, report=checked, pulled_at=pulled_at))
    return valid, unusable


def apply_reports(pms: PMSConnection, reported: Sequence[Reported[ValidReport]]) -> dict[int, Outcome]:
    """Applies products, then stock, which may wait for them; returns the outcome of each message."""
    outcomes = apply_product_reports(pms, of_kind(reported, ExternalProduct))
    return dict(outcomes + apply_stock_reports(pms, of_kind(reported, StockReport)))
