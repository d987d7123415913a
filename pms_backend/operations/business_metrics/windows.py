"""What was sampled in the last hour, day and month, and in each of the last hours."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from django.db import connection
from django.utils import timezone

from pms_backend.operations.sync_success import Share

WINDOWS: Final[Mapping[str, timedelta]] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "30d": timedelta(days=30),
}
# Whole rows count, and that of the present five minutes: a window is up to so much longer than its name says.
BUCKET: Final = timedelta(minutes=5)
HOURS: Final = 24
_BY_WINDOW: Final = """
SELECT name, labels, sum(amount) FILTER (WHERE began_at >= %s), sum(amount) FILTER (WHERE began_at >= %s), sum(amount)
FROM operations_metricincrease WHERE began_at >= %s GROUP BY name, labels
"""
_BY_HOUR: Final = """
SELECT date_bin('1 hour', began_at, 'epoch'), name, labels, sum(amount)
FROM operations_metricincrease WHERE began_at >= %s GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Sums:
    """By how much the counters rose in some time: by the name of the counter and by its labels."""

    by_labels: dict[str, list[tuple[Mapping[str, str], int]]] = field(default_factory=lambda: defaultdict(list))

    def by(self, name: str, *labels: str) -> Counter[tuple[str, ...]]:
        """The sums of a counter, by the values of these labels."""
        found: Counter[tuple[str, ...]] = Counter()
        for values, amount in self.by_labels.get(name, ()):
            found[tuple(values.get(label, "") for label in labels)] += amount
        return found

    @property
    def requests(self) -> int:
        """The requests that were answered."""
        return self.by("pms_http_requests_total").total()

    @property
    def cache(self) -> Share:
        """The reads that the response cache answered, of those that it may answer."""
        reads = self.by("pms_response_cache_total", "result")
        hits = reads[("hit",)] + reads[("wait",)]
        return Share(hits, hits + reads[("miss",)])

    @property
    def events(self) -> Share:
        """The PMS events that were applied or needed nothing, of those that are done with."""
        attempts = self.by("pms_events_total", "status")
        applied = attempts[("processed",)] + attempts[("ignored",)]
        return Share(applied, applied + attempts[("dead",)])

    @property
    def runs(self) -> Share:
        """The sync runs that finished, of those that ended."""
        ended = self.by("pms_sync_runs_total", "status")
        return Share(ended[("finished",)], ended.total())

    @property
    def sync(self) -> Share:
        """PMS events and sync runs that succeeded, of those that ended."""
        return self.events + self.runs

    @property
    def deliveries(self) -> Share:
        """The attempts at deliveries that succeeded."""
        attempts = self.by("pms_deliveries_total", "result")
        return Share(attempts[("ok",)], attempts.total())

    @property
    def errors(self) -> Counter[tuple[str, ...]]:
        """The errors, by their layers and codes."""
        return self.by("pms_errors_total", "layer", "code")


def last_windows() -> dict[str, Sums]:
    """The sums of each window, by its name; one statement."""
    this_bucket = _start_of(timezone.now(), BUCKET)
    found = {window: Sums() for window in WINDOWS}
    for name, labels, *amounts in _rows(_BY_WINDOW, *(this_bucket - length for length in WINDOWS.values())):
        for sums, amount in zip(found.values(), amounts, strict=True):
            if amount:
                sums.by_labels[name].append((orjson.loads(labels), int(amount)))
    return found


def last_hours() -> dict[datetime, Sums]:
    """The sums of each of the last `HOURS` hours, oldest first; the last one is not over yet. One statement."""
    this_hour = _start_of(timezone.now(), timedelta(hours=1))
    found = {this_hour - timedelta(hours=ago): Sums() for ago in reversed(range(HOURS))}
    for hour, name, labels, amount in _rows(_BY_HOUR, next(iter(found))):
        if hour in found:
            found[hour].by_labels[name].append((orjson.loads(labels), int(amount)))
    return found


def _start_of(moment: datetime, length: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return moment - (moment - epoch) % length


def _rows(statement: str, *since: datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, since)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
