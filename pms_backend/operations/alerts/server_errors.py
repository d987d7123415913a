"""Internal errors of the last minutes, from the counters of all processes."""

from collections import Counter, deque
from datetime import datetime, timedelta
from typing import Final

from pms_backend.metrics.reading import totals
from pms_backend.operations.alerts.tracker import Finding
from pms_backend.operations.models import AlertSeverity

WINDOW: Final = timedelta(minutes=5)
METRIC: Final = "pms_errors_total"
CODE: Final = ("code", "internal_error")


def count_errors() -> Counter[str]:
    """The internal errors since the counters began, by layer."""
    counted: Counter[str] = Counter()
    for labels, value in totals({METRIC})[METRIC].items():
        if CODE in labels:
            counted[dict(labels)["layer"]] += int(value)
    return counted


class ServerErrors:
    """The internal errors of the last `WINDOW`, from the first reading on."""

    def __init__(self) -> None:
        self._readings: deque[tuple[datetime, Counter[str]]] = deque()

    def findings(self, counted: Counter[str], now: datetime) -> dict[str, Finding] | None:
        """What is wrong, by layer, given what was counted until now; None if that is not known yet."""
        if self._readings and self._readings[-1][1] - counted:
            # The counters have begun anew.
            self._readings.clear()
            self._readings.append((now, Counter()))
        self._readings.append((now, counted))
        # The last reading before the window stays, as what was counted before it.
        while len(self._readings) > 1 and now - self._readings[1][0] >= WINDOW:
            self._readings.popleft()
        found = {layer: _finding(count) for layer, count in (counted - self._readings[0][1]).items()}
        # A monitor before this one may have seen errors less than `WINDOW` ago.
        return found if found or now - self._readings[0][0] >= WINDOW else None


def _finding(count: int) -> Finding:
    errors = "1 error" if count == 1 else f"{count} errors"
    detail = f"{errors} in the last {WINDOW.total_seconds() / 60:.0f} minutes; the log has each with its request id"
    return Finding(AlertSeverity.CRITICAL, detail)
