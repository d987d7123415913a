"""What `/health/ready` reads from PostgreSQL, all at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from pms_backend.events.models import ParkedEvent
from pms_backend.operations.backlog import Lag, lags
from pms_backend.operations.heartbeats import Seen, last_seen
from pms_integration.models import PMSConnection
from webhooks.models import WebhookEndpoint


@dataclass(frozen=True, slots=True)
class Observation:
    """What was read; nothing but the migrations while one of them is not applied."""

    unapplied: Sequence[str]
    seen: Mapping[str, Seen] = field(default_factory=dict)
    lags: Mapping[str, Lag] = field(default_factory=dict)
    parked_events: int = 0
    unreachable_pms: int = 0
    paused_endpoints: int = 0


def observe_database() -> Observation:
    """Reads everything, by cheap statements. Raises Django's `DatabaseError` or `InterfaceError`."""
    if unapplied := _unapplied():
        return Observation(unapplied)
    return Observation(
        unapplied=(),
        seen=last_seen(),
        lags=lags(),
        parked_events=ParkedEvent.objects.unresolved().count(),
        unreachable_pms=PMSConnection.objects.unreachable().count(),
        paused_endpoints=WebhookEndpoint.objects.paused().count(),
    )


def _unapplied() -> list[str]:
    """The migrations that are not applied, in their order."""
    try:
        applied = set(MigrationRecorder(connection).migration_qs.values_list("app", "name"))
    except ProgrammingError:
        # There is no table of migrations: the database is empty.
        applied = set()
    return [f"{app}.{name}" for app, name in _migrations() if (app, name) not in applied]


@cache
def _migrations() -> list[tuple[str, str]]:
    """All migrations of the code, in their order."""
    executor: Any = MigrationExecutor(None)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    return [(migration.app_label, migration.name) for migration, _ in plan]
