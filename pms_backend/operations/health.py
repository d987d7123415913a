"""The checks of `/health/ready`; each one uses what it checks."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_redis import get_redis_connection

from pms_backend.events.models import ParkedEvent
from pms_backend.operations.models import Heartbeat
from pms_integration.models import PMSConnection

RELAY: Final = "relay"
# A worker may miss three heartbeats.
MAX_HEARTBEAT_AGE: Final = timedelta(seconds=3 * settings.HEARTBEAT_SECONDS + settings.SWEEP_SECONDS)


class Unhealthy(Exception):
    """A check failed; the message says why."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check, and how long it took."""

    status: str
    detail: str
    ms: float


def check_database() -> str:
    """Checks that PostgreSQL answers."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def check_redis() -> str:
    """Checks that Redis answers."""
    get_redis_connection("default").ping()
    return "it answers"


def check_migrations() -> str:
    """Checks that every migration is applied."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise Unhealthy(f"{len(plan)} migrations are not applied, the first is {plan[0][0]}")
    return "all applied"


def check_worker() -> str:
    """Checks that each queue except the relay's has a worker which runs the tasks of beat.

    PMSs that cannot be reached are counted, and are no failure: nothing of ours is at fault, and all else works.
    """
    seen = _check_heartbeats([queue for queue in settings.QUEUES if queue != RELAY])
    unreachable = PMSConnection.objects.unreachable().count()
    return f"{seen}; unreachable PMSs: {unreachable}" if unreachable else seen


def check_relay() -> str:
    """Checks the relay's worker. Parked events do not block others, so they are reported and are no failure."""
    seen = _check_heartbeats([RELAY])
    parked = ParkedEvent.objects.unresolved().count()
    return f"{seen}; parked events: {parked}" if parked else seen


def _check_heartbeats(queues: Sequence[str]) -> str:
    seen = dict(Heartbeat.objects.filter(queue__in=queues).values_list("queue", "beat_at"))
    now = timezone.now()
    ages = {queue: now - seen[queue] for queue in queues if queue in seen}
    problems = [
        f"{queue} was last seen {ages[queue].total_seconds():.0f} s ago" if queue in ages
        else f"{queue} has not been seen yet"
        for queue in queues
        if queue not in ages or ages[queue] > MAX_HEARTBEAT_AGE
    ]  # fmt: skip
    if problems:
        raise Unhealthy("; ".join(problems))
    return f"seen {max(ages.values()).total_seconds():.0f} s ago"


CHECKS: Final[dict[str, Callable[[], str]]] = {
    "database": check_database,
    "redis": check_redis,
    "migrations": check_migrations,
    "worker": check_worker,
    "relay": check_relay,
}


def run_checks() -> dict[str, CheckResult]:
    """Runs every check and returns the results by name."""
    return {name: _run(check) for name, check in CHECKS.items()}


def _run(check: Callable[[], str]) -> CheckResult:
    began = time.perf_counter()
    try:
        status, detail = "ok", check()
    except Unhealthy as error:
        status, detail = "failed", str(error)
    except Exception as error:
        status, detail = "failed", type(error).__name__
    return CheckResult(status, detail, round((time.perf_counter() - began) * 1000, 1))
