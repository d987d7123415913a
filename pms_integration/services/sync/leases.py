"""Leases of sync runs: one worker at a time goes on with a run, as long as it writes."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import retried_atomic
from pms_integration.exceptions import SyncLost
from pms_integration.models import MAX_REASON_LENGTH, SyncRun, SyncStatus
from pms_integration.services.sync.announcing import announce_end, announce_start
from pms_integration.services.sync.limits import LEASE_SECONDS, MAX_ATTEMPTS, MAX_ERRORS
from pms_integration.services.sync.wake_up import sync_wake_up

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to go on with a run; void as soon as another worker leases it, or it is cancelled."""

    run_id: int
    number: int


_LEASE: Final = """
UPDATE pms_integration_syncrun AS run
SET status = 'running', claims = claims + 1, attempts = attempts + 1,
    due_at = clock_timestamp() + %s * interval '1 second'
WHERE id = (
    SELECT id FROM pms_integration_syncrun
    WHERE status IN ('pending', 'running') AND due_at <= clock_timestamp()
    ORDER BY due_at, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, claims, attempts
"""


def lease_run() -> Lease | None:
    """Leases the run that has waited longest; None if none is due.

    A run with too many attempts without progress fails instead, and the next one is leased.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LEASE, [LEASE_SECONDS])
            row = cursor.fetchone()
        if row is None:
            return None
        lease = Lease(row[0], row[1])
        if row[2] <= MAX_ATTEMPTS:
            _begin(lease)
            return lease
        fail_run(lease=lease, reason=f"{MAX_ATTEMPTS} attempts in a row did not come any further.")


@retried_atomic
def _begin(lease: Lease) -> None:
    run = lock_run(lease)
    if run.started_at is None:
        run.started_at = timezone.now()
        run.save(update_fields=["started_at"])
        announce_start(run)


def lock_run(lease: Lease) -> SyncRun:
    """The leased run, locked until the end of the transaction. Raises `SyncLost`."""
    run = _leased(lease).select_related("connection").select_for_update(of=("self",), no_key=True).first()
    if run is None:
        raise SyncLost
    return run


def release(*, lease: Lease, pause: timedelta = timedelta()) -> None:
    """Makes the run available to any worker after the pause."""
    _leased(lease).update(due_at=timezone.now() + pause, attempts=0)
    if not pause:
        sync_wake_up.send_for_the_rest()


@retried_atomic
def put_off(*, lease: Lease, pause: timedelta, error: str) -> None:
    """Counts a call that failed, and makes the run available after the pause. Raises `SyncLost`."""
    run = lock_run(lease)
    run.failures += 1
    run.attempts, run.due_at = 0, timezone.now() + pause
    run.save(update_fields=["failures", "attempts", "due_at"])
    logger.warning("The sync run %s of %s waits: %s", run.pk, run.connection.slug, error)


@retried_atomic
def fail_run(*, lease: Lease, reason: str) -> None:
    """Gives the run up; what it has applied stays. Raises `SyncLost`."""
    run = lock_run(lease)
    run.status, run.finished_at = SyncStatus.FAILED, timezone.now()
    reason = storable(reason)[:MAX_REASON_LENGTH]
    run.errors = [*run.errors[: MAX_ERRORS - 1], error_of(detail=reason)]
    run.save(update_fields=["status", "finished_at", "errors"])
    run.reports.all().delete()
    logger.error("The sync run %s of %s failed: %s", run.pk, run.connection.slug, reason)
    announce_end(run, failed_because=reason)


def error_of(*, detail: str, resource: str = "", external_id: str = "", sku: str = "") -> dict[str, str]:
    """An entry of the errors of a run."""
    shown = storable(detail)[:MAX_REASON_LENGTH]
    return {"resource": resource, "external_id": external_id, "sku": sku, "detail": shown}


def lease_end() -> datetime:
    """The time until which a lease that begins now is valid."""
    return timezone.now() + timedelta(seconds=LEASE_SECONDS)


def _leased(lease: Lease) -> QuerySet[SyncRun]:
    return SyncRun.objects.filter(pk=lease.run_id, claims=lease.number, status=SyncStatus.RUNNING)
