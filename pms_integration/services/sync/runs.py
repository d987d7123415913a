"""Starts, cancels and confirms sync runs, and removes what old ones have found."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from pms_backend.access.services import record_audit
from pms_backend.api import context
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.outgoing import OutgoingConnector
from pms_integration.exceptions import PMSNotCalled, SyncNotHeld, SyncOver, SyncRunning
from pms_integration.models import (
    ACTIVE_STATUSES,
    PMSConnection,
    SyncDifference,
    SyncMode,
    SyncResource,
    SyncRun,
    SyncStatus,
)
from pms_integration.services.sync.announcing import announce_end
from pms_integration.services.sync.limits import PRUNED_AT_ONCE
from pms_integration.services.sync.wake_up import sync_wake_up

# Connections whose interval has passed since their last run began, and of which none is active.
_DUE: Final = """
SELECT pms.id FROM pms_integration_pmsconnection AS pms
WHERE pms.is_active AND pms.base_url IS NOT NULL AND pms.sync_every_seconds IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM pms_integration_syncrun AS active
        WHERE active.connection_id = pms.id AND active.status IN ('pending', 'running', 'held'))
    AND coalesce(
        (SELECT last.created_at FROM pms_integration_syncrun AS last
        WHERE last.connection_id = pms.id AND NOT last.dry_run ORDER BY last.id DESC LIMIT 1)
        + pms.sync_every_seconds * interval '1 second', '-infinity') <= clock_timestamp()
ORDER BY pms.id
"""


@retried_atomic
def start_sync(
    *, slug: str, mode: SyncMode, resources: Sequence[SyncResource] = tuple(SyncResource), dry_run: bool = False
) -> SyncRun:
    """Starts a run, which a worker goes on with. Raises `PMSConnection.DoesNotExist`, `PMSNotCalled`, `SyncRunning`."""
    pms = PMSConnection.objects.get(slug=slug)
    if not pms.is_called or not _has_connector(pms):
        raise PMSNotCalled(
            _("The PMS %(slug)s is not called: it is not active, or only sends webhooks.") % {"slug": slug}
        )
    run = _start(pms, mode=mode, resources=[one for one in SyncResource if one in resources], dry_run=dry_run)
    record_audit(
        action="sync.started",
        subject=f"pms_connection:{slug}",
        run=run.pk,
        mode=run.mode,
        resources=run.resources,
        dry_run=dry_run,
    )
    return run


def start_due_syncs() -> int:
    """Starts an incremental run of each connection whose interval has passed; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE)
        due = [row[0] for row in cursor.fetchall()]
    with context.bind(request_id=context.current().request_id, door=context.Door.SCHEDULE):
        return sum(map(_start_due, due))


@retried_atomic
def _start_due(connection_id: int) -> bool:
    pms = PMSConnection.objects.get(pk=connection_id)
    if not _has_connector(pms):
        return False
    try:
        _start(pms, mode=SyncMode.INCREMENTAL, resources=list(SyncResource), dry_run=False)
    except SyncRunning:
        return False
    return True


def _has_connector(pms: PMSConnection) -> bool:
    """Whether the kind can be called, in this version of ours."""
    return isinstance(CONNECTORS.get(pms.kind), OutgoingConnector)


def _start(pms: PMSConnection, *, mode: SyncMode, resources: list[SyncResource], dry_run: bool) -> SyncRun:
    origin = context.current()
    run = SyncRun(
        connection=pms,
        mode=mode,
        resources=resources,
        listing=resources[0],
        dry_run=dry_run,
        actor=origin.actor,
        door=origin.door,
        request_id=origin.request_id,
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        active = SyncRun.objects.filter(connection=pms, status__in=ACTIVE_STATUSES).first()
        detail = (
            _("The sync run %(id)s of %(slug)s has not ended.")
            if active
            else _("The sync run of %(slug)s has not ended.")
        )
        raise SyncRunning(detail % {"id": active and active.pk, "slug": pms.slug}) from None
    sync_wake_up.send_after_commit()
    return run


@retried_atomic
def cancel_sync(*, run_id: int) -> SyncRun:
    """Ends a run; what it has applied stays. Raises `SyncRun.DoesNotExist`, `SyncOver`."""
    run = _locked(run_id)
    if run.is_over:
        raise SyncOver(
            _("The sync run %(id)s is %(status)s.") % {"id": run.pk, "status": run.get_status_display().lower()}
        )
    run.status, run.finished_at = SyncStatus.CANCELLED, timezone.now()
    run.save(update_fields=["status", "finished_at"])
    run.reports.all().delete()
    announce_end(run)
    record_audit(action="sync.cancelled", subject=f"sync_run:{run.pk}", connection=run.connection.slug)
    return run


@retried_atomic
def confirm_sync(*, run_id: int) -> SyncRun:
    """Lets a held run go on. Raises `SyncRun.DoesNotExist`, `SyncNotHeld`."""
    run = _locked(run_id)
    if run.status != SyncStatus.HELD:
        raise SyncNotHeld(
            _("The sync run %(id)s is %(status)s.") % {"id": run.pk, "status": run.get_status_display().lower()}
        )
    run.status, run.is_confirmed, run.due_at = SyncStatus.RUNNING, True, timezone.now()
    run.save(update_fields=["status", "is_confirmed", "due_at"])
    record_audit(
        action="sync.confirmed",
        subject=f"sync_run:{run.pk}",
        connection=run.connection.slug,
        held_because=run.held_because,
    )
    sync_wake_up.send_after_commit()
    return run


def prune_differences() -> int:
    """Removes the differences of runs that ended `PMS_EVENT_RETENTION_DAYS` ago; returns how many."""
    until = timezone.now() - timedelta(days=settings.PMS_EVENT_RETENTION_DAYS)
    old = SyncDifference.objects.filter(run__finished_at__lt=until).order_by("run", "id").values("pk")
    return SyncDifference.objects.filter(pk__in=old[:PRUNED_AT_ONCE]).delete()[0]


def _locked(run_id: int) -> SyncRun:
    return SyncRun.objects.select_related("connection").select_for_update(of=("self",), no_key=True).get(pk=run_id)
