"""The events of a sync run."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from pms_backend import metrics
from pms_backend.access.services import record_audit
from pms_backend.api import context
from pms_backend.events import services as outbox
from pms_integration.events import SyncEvent, SyncFailed, SyncFinished, SyncHeld, SyncProgressed, SyncStarted
from pms_integration.models import SyncRun, SyncStatus
from pms_integration.services.sync.limits import PROGRESS_SECONDS


def announce_start(run: SyncRun) -> None:
    """Announces that the run has begun."""
    _record(run, SyncStarted(**_members(run)))


def announce_progress(run: SyncRun) -> None:
    """Announces the progress, unless it has been a moment ago; the caller saves `announced_at`."""
    now = timezone.now()
    if run.announced_at is None or now - run.announced_at >= timedelta(seconds=PROGRESS_SECONDS):
        run.announced_at = now
        _record(run, SyncProgressed(**_members(run)))


def announce_hold(run: SyncRun) -> None:
    """Announces that the run waits for a confirmation."""
    _record(run, SyncHeld(**_members(run), held_because=run.held_because))
    _audit(run, SyncHeld.type, held_because=run.held_because)


def announce_end(run: SyncRun, *, failed_because: str = "") -> None:
    """Announces and counts the end of the run."""
    if run.status == SyncStatus.FAILED:
        _record(run, SyncFailed(**_members(run), detail=failed_because))
        _audit(run, SyncFailed.type, failed_because=failed_because)
    else:
        _record(run, SyncFinished(**_members(run), status=run.status))  # type: ignore[arg-type]  # the constraint's
        # `cancel_sync` tells in the history who has cancelled it.
        if run.status == SyncStatus.FINISHED:
            _audit(run, SyncFinished.type, created=run.created, updated=run.updated, failed=run.failed)
    transaction.on_commit(partial(_count_end, run.connection.slug, run.status), robust=True)


def _count_end(slug: str, status: str) -> None:
    metrics.sync_runs_total.labels(slug, status).inc()
    if status == SyncStatus.FAILED:
        metrics.count_error(metrics.Layer.SERVICE, "sync_failed")


def _record(run: SyncRun, event: SyncEvent) -> None:
    with context.bind(actor=run.actor, request_id=run.request_id, door=context.Door(run.door)):
        outbox.record(event)


def _audit(run: SyncRun, action: str, **detail: Any) -> None:
    subject = f"sync_run:{run.pk}"
    with context.bind(actor=run.actor, request_id=run.request_id, door=context.Door(run.door)):
        record_audit(action=action, subject=subject, name=str(run), connection=run.connection.slug, **detail)


def _members(run: SyncRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "connection": run.connection.slug,
        "mode": str(run.mode),
        "resources": [str(resource) for resource in run.resources],
        "dry_run": run.dry_run,
        "processed": run.processed,
        "total": run.total,
        "created": run.created,
        "updated": run.updated,
        "unchanged": run.unchanged,
        "failed": run.failed,
        "archived": run.archived,
    }
