"""The checks of `/health/ready`, of alerts and of `/metrics`; each one uses what it checks.

`run_checks()` answers within 2 s, whatever hangs. What it finds is at most a second old (30 s for a storage that works)
and is shared by its callers in a process, where it holds one connection to PostgreSQL, in a thread of its own.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from django.conf import settings
from django_redis import get_redis_connection

from pms_backend.operations import services
from pms_backend.operations.bounded_reading import SLOW, BoundedReading
from pms_backend.operations.heartbeats import BEAT, MONITOR, RECOVERY_SECONDS, RELAY, outlived_by_beat, problems_of
from pms_backend.operations.observation import Observation, observe_database
from pms_backend.operations.restarts import recent_restarts, server_ended_within
from pms_backend.outbound import Unreachable
from pms_backend.outbound.own_servers import get_status

OK: Final = "ok"
DEGRADED: Final = "degraded"
FAILED: Final = "failed"
# It was not checked, because what the check needs does not answer.
UNKNOWN: Final = "unknown"

# Nothing works without these.
REQUIRED: Final = ("database", "migrations")
OF_DATABASE: Final = ("migrations", "worker", "relay", "beat", "inbox", "deliveries", "imports", "circuits", "monitor")
# Restarted ones begin to work within seconds.
PROGRAMS: Final = ("worker", "relay", "beat", "sockets")
CELERY: Final = frozenset({"worker", "relay", "beat"})
PATIENCE_SECONDS: Final = 1.5
# A busy machine is slow for a moment: what has had no fresh value for so long has failed. A refusal is one at once.
TOLERATED_SECONDS: Final = 4.0
STORAGE_SECONDS: Final = 30.0
SOCKETS_TIMEOUT_SECONDS: Final = 1.0
# What waits for longer is late; by the names of `backlog.lags()`. Imports run one after the other and take minutes.
LATE_AFTER_SECONDS: Final = {"relay": 30.0, "inbox": 60.0, "deliveries": 60.0, "imports": 600.0}

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check, and how long it took, or has been taking."""

    status: str
    detail: str
    ms: float = 0.0


def run_checks() -> dict[str, CheckResult]:
    """Runs every check and returns the results by name; raises nothing."""
    readings: list[BoundedReading[Any]] = [DATABASE, REDIS, STORAGE, *([SOCKETS] if settings.SOCKETS_URL else [])]
    began = time.monotonic()
    for reading in readings:
        reading.refresh()
    database, redis, storage = _ask(DATABASE, began), _ask(REDIS, began), _ask(STORAGE, began)
    results = {"database": database.result, "redis": redis.result}
    if database.value is None:
        results |= dict.fromkeys(OF_DATABASE, CheckResult(UNKNOWN, "the database does not answer"))
    else:
        results |= _read(database.value, redis_answers=redis.value is not None)
    if settings.SOCKETS_URL:
        results["sockets"] = _ask(SOCKETS, began).result
    results["storage"] = storage.result
    restarts = recent_restarts()
    if redis.value is None or server_ended_within(RECOVERY_SECONDS):
        # Celery's programs may end when they lose Redis: that is no outage of its own.
        restarts = {name: why for name, why in restarts.items() if name not in CELERY}
    return {name: _restarted(name, result, restarts.get(name, "")) for name, result in results.items()}


def overall(results: Mapping[str, CheckResult]) -> str:
    """`failed` if nothing works, `degraded` if a check is not `ok`, else `ok`."""
    if any(results[name].status == FAILED for name in REQUIRED):
        return FAILED
    return OK if all(result.status == OK for result in results.values()) else DEGRADED


def _ping_redis() -> bool:
    return bool(get_redis_connection("default").ping())


def _ask_sockets() -> bool:
    host = settings.ALLOWED_HOSTS[0].lstrip(".*") or "localhost"
    status = get_status(f"{settings.SOCKETS_URL}/health/live", host=host, seconds=SOCKETS_TIMEOUT_SECONDS)
    if status != 200:
        raise Unreachable(f"status {status}")
    return True


def _use_storage() -> bool:
    services.try_storage()
    return True


DATABASE: Final = BoundedReading(observe_database)
REDIS: Final = BoundedReading(_ping_redis)
SOCKETS: Final = BoundedReading(_ask_sockets)
STORAGE: Final = BoundedReading(_use_storage, fresh_seconds=STORAGE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Value]):
    """What was read, None if it was not, and the result of the check."""

    value: Value | None
    result: CheckResult


def _ask(reading: BoundedReading[Value], began: float) -> _Answer[Value]:
    try:
        value = reading.wait(PATIENCE_SECONDS, since=began)
    except Exception as error:
        # Not from the first question that hangs: it may have been hanging since the last one, half a minute ago.
        is_recent = reading.value_seconds < TOLERATED_SECONDS + reading.fresh_seconds
        if isinstance(error, SLOW) and reading.last_value and is_recent:
            return _Answer(reading.last_value, CheckResult(OK, "it answers slowly", _ms(reading.run_seconds)))
        seconds = f"{reading.failing_seconds:.0f} s"
        # The text of an error may name a host, a role or a version, which are no business of strangers.
        is_silent = isinstance(error, SLOW)
        detail = f"no answer for {seconds}" if is_silent else f"failing for {seconds}: {type(error).__name__}"
        return _Answer(None, CheckResult(FAILED, detail, _ms(reading.run_seconds)))
    return _Answer(value, CheckResult(OK, "it answers", _ms(reading.run_seconds)))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _read(found: Observation, *, redis_answers: bool) -> dict[str, CheckResult]:
    """The results of what was read from the database."""
    if found.unapplied:
        missing = f"{len(found.unapplied)} migrations are not applied, the first is {found.unapplied[0]}"
        unknown = CheckResult(UNKNOWN, "migrations are not applied")
        return {**dict.fromkeys(OF_DATABASE, unknown), "migrations": CheckResult(FAILED, missing)}
    outage = "" if redis_answers else "Redis does not answer, which brings their tasks"
    workers = [queue for queue in settings.QUEUES if queue != RELAY]
    return {
        "migrations": CheckResult(OK, "all applied"),
        "worker": _working(workers, found, outage),
        "relay": _relaying(found, outage),
        "beat": _beating(found, redis_answers=redis_answers),
        **{name: _on_time(name, found) for name in ("inbox", "deliveries", "imports")},
        "circuits": _circuits(found),
        "monitor": _monitoring(found),
    }


def _working(names: list[str], found: Observation, outage: str) -> CheckResult:
    """Whether the workers of these queues run the tasks of beat."""
    if outage:
        return CheckResult(UNKNOWN, outage)
    if not (late := problems_of(names, found.seen)):
        return CheckResult(OK, f"seen {max(found.seen[name].age for name in names):.0f} s ago")
    if problems_of([BEAT], found.seen) or not outlived_by_beat(names, found.seen):
        return CheckResult(UNKNOWN, f"beat does not work, which sends their tasks; {late}")
    if found.seen[BEAT].steady < RECOVERY_SECONDS or _servers_recover():
        return CheckResult(UNKNOWN, f"what brings their tasks works again only now; {late}")
    return CheckResult(FAILED, late)


def _relaying(found: Observation, outage: str) -> CheckResult:
    """Parked events do not block others, so they are told and change no status."""
    result = _working([RELAY], found, outage)
    if result.status == OK and (late := _lateness("relay", found)):
        result = CheckResult(DEGRADED, late)
    parked = f"; parked events: {found.parked_events}" if found.parked_events else ""
    return replace(result, detail=result.detail + parked)


def _beating(found: Observation, *, redis_answers: bool) -> CheckResult:
    if not (late := problems_of([BEAT], found.seen)):
        return CheckResult(OK, f"seen {found.seen[BEAT].age:.0f} s ago")
    if not redis_answers:
        return CheckResult(UNKNOWN, "Redis does not answer, which it waits for")
    if _servers_recover():
        return CheckResult(UNKNOWN, f"what it needs works again only now; {late}")
    return CheckResult(FAILED, late)


def _monitoring(found: Observation) -> CheckResult:
    """Without the monitor nobody is told of anything, and all else works."""
    if not (late := problems_of([MONITOR], found.seen)):
        return CheckResult(OK, f"seen {found.seen[MONITOR].age:.0f} s ago")
    return CheckResult(UNKNOWN if _servers_recover() else DEGRADED, late)


def _servers_recover() -> bool:
    """Whether an outage has just ended; a restart at once may have been noticed by the clients of the server only."""
    answering = min(DATABASE.answering_seconds, REDIS.answering_seconds)
    return answering < RECOVERY_SECONDS or server_ended_within(RECOVERY_SECONDS)


def _on_time(queue: str, found: Observation) -> CheckResult:
    late = _lateness(queue, found)
    return CheckResult(DEGRADED, late) if late else CheckResult(OK, f"waiting: {found.lags[queue].waiting}")


def _lateness(queue: str, found: Observation) -> str:
    lag = found.lags[queue]
    is_late = lag.seconds > LATE_AFTER_SECONDS[queue]
    return f"the oldest of {lag.waiting} has waited for {lag.seconds:.0f} s" if is_late else ""


def _circuits(found: Observation) -> CheckResult:
    """PMSs and endpoints that do not answer are nobody's fault here, and all else works."""
    detail = f"unreachable PMSs: {found.unreachable_pms}; endpoints that fail: {found.paused_endpoints}"
    return CheckResult(DEGRADED if found.unreachable_pms or found.paused_endpoints else OK, detail)


def _restarted(name: str, result: CheckResult, why: str) -> CheckResult:
    """What was restarted just now and is not seen yet works within seconds."""
    if not why:
        return result
    if result.status == OK or (result.status == FAILED and name in PROGRAMS):
        return replace(result, status=DEGRADED, detail=why)
    return replace(result, detail=f"{result.detail}; {why}")
