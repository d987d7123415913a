"""What `/health/ready` looks at; each check really uses what it checks."""

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

RELAY: Final = "relay"
# Three beats may be missed before a worker counts as gone.
MAX_SILENCE: Final = timedelta(seconds=3 * settings.HEARTBEAT_SECONDS + settings.SWEEP_SECONDS)


class Unhealthy(Exception):
    """What was checked does not work; the message says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and how long it took."""

    status: str
    detail: str
    ms: float


def check_database() -> str:
    """PostgreSQL answers."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def check_redis() -> str:
    """Redis answers."""
    get_redis_connection("default").ping()
    return "it answers"


def check_migrations() -> str:
    """Every migration is applied."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise Unhealthy(f"{len(plan)} migrations are not applied, the first is {plan[0][0]}")
    return "all applied"


def check_worker() -> str:
    """Each queue but the relay's has a worker that does what beat sends it."""
    return _check_heartbeats([queue for queue in settings.QUEUES if queue != RELAY])


def check_relay() -> str:
    """The relay's worker does what beat sends it. What is parked blocks nothing, so that it is only told."""
    seen = _check_heartbeats([RELAY])
    parked = ParkedEvent.objects.unresolved().count()
    return f"{seen}; parked events: {parked}" if parked else seen


def _check_heartbeats(queues: Sequence[str]) -> str:
    seen = dict(Heartbeat.objects.filter(queue__in=queues).values_list("queue", "beat_at"))
    now = timezone.now()
    silence = {queue: now - seen[queue] for queue in queues if queue in seen}
    problems = [
        f"{queue} was last seen {silence[queue].total_seconds():.0f} s ago" if queue in silence
        else f"{queue} has not been seen yet"
        for queue in queues
        if queue not in silence or silence[queue] > MAX_SILENCE
    ]  # fmt: skip
    if problems:
        raise Unhealthy("; ".join(problems))
    return f"seen {max(silence.values()).total_seconds():.0f} s ago"


CHECKS: Final[dict[str, Callable[[], str]]] = {
    "database": check_database,
    "redis": check_redis,
    "migrations": check_migrations,
    "worker": check_worker,
    "relay": check_relay,
}


def findings() -> dict[str, Finding]:
    """What each check finds now."""
    return {name: _run(check) for name, check in CHECKS.items()}


def _run(check: Callable[[], str]) -> Finding:
    began = time.perf_counter()
    try:
        status, detail = "ok", check()
    except Unhealthy as error:
        status, detail = "failed", str(error)
    except Exception as error:
        status, detail = "failed", type(error).__name__
    return Finding(status, detail, round((time.perf_counter() - began) * 1000, 1))
