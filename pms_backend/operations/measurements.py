"""The metrics that no process counts: what the database, the health checks and the supervisor say at a scrape."""

import logging
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.db import connection
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pms_backend.metrics.bounded import MAX_LABEL_SETS, OTHER
from pms_backend.operations import health
from pms_backend.operations.alerts.stored import open_alerts
from pms_backend.operations.bounded_reading import BoundedReading, NoAnswer
from pms_backend.operations.business_metrics.gauges import gauges_of
from pms_backend.operations.business_metrics.windows import Sums, last_windows
from pms_backend.operations.restarts import read_programs
from pms_integration.models import PMSEvent, PMSEventStatus, SyncRun, SyncStatus
from pms_integration.queries import count_differing
from webhooks.models import WebhookEndpoint

logger = logging.getLogger(__name__)

# All levels are compared for it, 0.5 s for 50,000, and the rows of a month are added up, 0.03 s.
SLOW_SECONDS: Final = 30.0
_PROGRAM: Final = re.compile(r"pms ([a-z]{1,20})")
_CONNECTIONS: Final = """
SELECT coalesce(application_name, ''), count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1
"""
_ALLOWED: Final = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is read from the database besides what the health checks read."""

    overdue_seconds: Mapping[str, float]
    dead_pms_events: int
    failing_endpoints: int
    held_sync_runs: int
    open_alerts: Mapping[str, int]
    connections: Mapping[str, int]
    connections_allowed: int


def measure() -> Measured:
    """Reads everything, by cheap statements. Raises Django's `DatabaseError` or `InterfaceError`."""
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        by_program: Counter[str] = Counter()
        for name, count in cursor.fetchall():
            found = _PROGRAM.fullmatch(name)
            by_program[found[1] if found else OTHER] += count
        cursor.execute(_ALLOWED)
        (allowed,) = cursor.fetchone()
    return Measured(
        overdue_seconds=PMSEvent.objects.seconds_overdue(),
        dead_pms_events=PMSEvent.objects.filter(status=PMSEventStatus.DEAD).count(),
        failing_endpoints=WebhookEndpoint.objects.failing().count(),
        held_sync_runs=SyncRun.objects.filter(status=SyncStatus.HELD).count(),
        open_alerts=open_alerts(),
        connections=by_program,
        connections_allowed=allowed,
    )


@dataclass(frozen=True, slots=True)
class SlowlyMeasured:
    """What takes longer to read: how many levels differ, by connection, and the windows of business metrics."""

    differing_levels: Mapping[str, int]
    windows: Mapping[str, Sums]


def measure_slowly() -> SlowlyMeasured:
    """Reads it; ends its own connection to the database, which is seldom used."""
    try:
        return SlowlyMeasured(count_differing(), last_windows())
    finally:
        if not connection.in_atomic_block:
            connection.close()


MEASURED: Final = BoundedReading(measure)
SLOWLY_MEASURED: Final = BoundedReading(measure_slowly, fresh_seconds=SLOW_SECONDS)


class Measurements(Collector):
    """Gauges made for one scrape. What cannot be read in time is left out, rather than repeated with old values."""

    def collect(self) -> Iterator[Metric]:
        """Takes 2 s at most, whatever hangs."""
        began = time.monotonic()
        MEASURED.refresh()
        SLOWLY_MEASURED.refresh()
        yield from _of_health()
        for make in (_of_observation, _of_measured, _of_slowly_measured):
            try:
                yield from make(began)
            except NoAnswer:
                # The check `database` says it.
                continue
            except Exception as error:
                # The other metrics are worth more than an error.
                logger.warning("Metrics are left out: %s: %s", type(error).__name__, " ".join(str(error).split()))
        yield from _of_programs()


REGISTRY: Final = CollectorRegistry()
REGISTRY.register(Measurements())


def _of_health() -> Iterator[Metric]:
    results = health.run_checks()
    known = {name: result for name, result in results.items() if result.status != health.UNKNOWN}
    ok = {name: float(result.status == health.OK) for name, result in known.items()}
    yield _gauge("pms_check_ok", "Checks of /health/ready: 1 if ok, otherwise 0", "check", ok)


def _of_observation(began: float) -> Iterator[Metric]:
    found = health.DATABASE.wait(health.PATIENCE_SECONDS, since=began)
    lags = found.lags
    yield _gauge(
        "pms_queue_lag_seconds", "For how long the oldest waiting row of a queue could have been worked on", "queue",
        {queue: lag.seconds for queue, lag in lags.items()},
    )  # fmt: skip
    waiting = {queue: lag.waiting for queue, lag in lags.items()}
    yield _gauge("pms_queue_waiting", "Rows of a queue that could be worked on", "queue", waiting)
    if not found.unapplied:
        yield _number("pms_events_parked", "Parked events that are not replayed yet", found.parked_events)
        circuits = {"pms": found.unreachable_pms, "endpoint": found.paused_endpoints}
        yield _gauge("pms_circuits_open", "PMSs and endpoints that are not called because they fail", "kind", circuits)


def _of_measured(began: float) -> Iterator[Metric]:
    found = MEASURED.wait(health.PATIENCE_SECONDS, since=began)
    yield _gauge(
        "pms_oldest_due_event_seconds", "For how long the oldest PMS event has been due", "connection",
        found.overdue_seconds,
    )  # fmt: skip
    yield _number("pms_pms_events_dead", "PMS events that are not tried again", found.dead_pms_events)
    yield _number("pms_endpoints_failing", "Endpoints without a success lately", found.failing_endpoints)
    yield _number("pms_sync_runs_held", "Sync runs that wait for a confirmation", found.held_sync_runs)
    yield _gauge("pms_alerts_firing", "Open alerts, by name", "alert", found.open_alerts)
    yield _gauge(
        "pms_database_connections", "Connections to PostgreSQL, by program", "program", found.connections
    )  # fmt: skip
    yield _number(
        "pms_database_connections_allowed", "Connections that PostgreSQL allows in all", found.connections_allowed
    )  # fmt: skip


def _of_slowly_measured(began: float) -> Iterator[Metric]:
    found = SLOWLY_MEASURED.wait(health.PATIENCE_SECONDS, since=began)
    yield _gauge(
        "pms_stock_differences", "Levels of which a PMS has another quantity than we, without what is pending",
        "connection", found.differing_levels,
    )  # fmt: skip
    yield from gauges_of(found.windows)


def _of_programs() -> Iterator[Metric]:
    restarts = CounterMetricFamily(
        "pms_program_restarts_total", "Restarts of a program by the supervisor", labels=["program"]
    )
    for name, program in read_programs().items():
        restarts.add_metric([name], program["restarts"])
    yield restarts


def _gauge(name: str, documentation: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for value in islice(values.items(), MAX_LABEL_SETS):
        family.add_metric([value[0]], value[1])
    return family


def _number(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)
