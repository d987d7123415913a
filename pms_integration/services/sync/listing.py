"""Lists what the PMS has: a page is asked for outside of a transaction, then stored in one with the next cursor."""

from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from pms_backend.api.arrays import as_array
from pms_backend.api.moments import parse_moment
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors.contract import Capabilities, ConnectorError
from pms_integration.connectors.outgoing import OutgoingConnector, Page, PMSClient
from pms_integration.models import SyncMode, SyncResource, SyncRun, SyncStage, SyncStatus
from pms_integration.services.calls import call_pms
from pms_integration.services.sync.announcing import announce_progress
from pms_integration.services.sync.leases import Lease, error_of, lease_end, lock_run
from pms_integration.services.sync.limits import MAX_ERRORS, MAX_REPEATED_PAGES, WATERMARK_MARGIN
from pms_integration.services.sync.staged_reports import StagedReport, staged

_STORE: Final = """
INSERT INTO pms_integration_syncreport AS known (run_id, resource, key, report, is_reduction, received_at)
SELECT %s, %s, report.key, report.content::jsonb, report.is_reduction, %s
FROM unnest(%s::text[], %s::text[], %s::boolean[]) WITH ORDINALITY AS report(key, content, is_reduction, number)
ORDER BY report.number
ON CONFLICT (run_id, resource, key) DO UPDATE
SET report = excluded.report, is_reduction = excluded.is_reduction, received_at = excluded.received_at,
    pulled_at = excluded.pulled_at
RETURNING xmax = 0
"""


def list_page(lease: Lease, run: SyncRun) -> None:
    """Asks for the next page and stores it. Raises `ConnectorError`, `SyncLost`."""
    resource = SyncResource(run.listing)
    since = changed_since(run, resource)

    def pull(connector: OutgoingConnector, client: PMSClient) -> tuple[Page, Capabilities]:
        asks_since = getattr(connector.capabilities, f"{resource}_since")
        ask = connector.pull_products if resource == SyncResource.PRODUCTS else connector.pull_stock
        return ask(client, since if asks_since else None, run.cursor), connector.capabilities

    page, capabilities = call_pms(connection_id=run.connection_id, operation=pull)
    store_page(lease=lease, page=page, must_overlap=capabilities.paging == "offset")


def changed_since(run: SyncRun, resource: SyncResource) -> datetime | None:
    """From when on the run lists changes, by the PMS's clock; None for everything.

    An incremental run goes on where the last finished one began to list, less `WATERMARK_MARGIN`.
    """
    if run.mode == SyncMode.FULL:
        return None
    last = _finished(run).filter(watermarks__has_key=resource.value).first()
    return parse_moment(last.watermarks[resource]) - WATERMARK_MARGIN if last else None


def has_run_before(run: SyncRun) -> bool:
    """Whether a run has finished before, so that whatever is new now should have come with a webhook."""
    return _finished(run).exists()


def _finished(run: SyncRun) -> QuerySet[SyncRun]:
    return SyncRun.objects.filter(connection=run.connection_id, status=SyncStatus.FINISHED, dry_run=False)


@retried_atomic
def store_page(*, lease: Lease, page: Page, must_overlap: bool) -> None:
    """Stores the entries of a page and where the list goes on; of an entry that is listed twice the later one stays.

    Raises `ConnectorError` if the list goes round in a circle; `SyncLost`.
    """
    run = lock_run(lease)
    resource = SyncResource(run.listing)
    if run.cursor is None:
        run.watermarks[resource] = page.moment.isoformat()
    entries = [staged(report, resource) for report in page.reports]
    refused = [entry for entry in entries if entry.error]
    new = _store(run, {entry.key: entry for entry in entries}, received_at=page.moment)
    run.total = (run.total or 0) + new
    run.failed += len(refused)
    run.errors = [*run.errors, *(error_of(resource=resource, detail=one.error) for one in refused)][:MAX_ERRORS]
    run.repeated_pages = 0 if new else run.repeated_pages + 1
    if run.repeated_pages > MAX_REPEATED_PAGES:
        detail = f"The PMS's list of {resource} has nothing new on {run.repeated_pages} pages in a row."
        raise ConnectorError(detail, permanent=True)
    if must_overlap and run.cursor is not None and new == len(entries) > 0:
        # What was on this page has moved to the page before, because something there was removed: list again.
        run.cursor = None
    else:
        _go_on(run, resource, page.cursor)
    run.attempts = run.failures = 0
    run.due_at = lease_end()
    announce_progress(run)
    run.save(
        update_fields=[
            *("watermarks", "total", "failed", "errors", "repeated_pages", "cursor", "listing", "stage"),
            *("attempts", "failures", "due_at", "announced_at"),
        ]
    )


def _store(run: SyncRun, entries: dict[str, StagedReport], *, received_at: datetime) -> int:
    """Stores the entries; returns how many were not listed before."""
    if not entries:
        return 0
    rows = [(entry.key, entry.content, entry.is_reduction) for entry in entries.values()]
    columns = [as_array(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [run.pk, run.listing, received_at, *columns])
        return sum(is_new for (is_new,) in cursor.fetchall())


def _go_on(run: SyncRun, resource: SyncResource, cursor: str | None) -> None:
    """Moves to the next page, or after the last one to the next list."""
    run.cursor = cursor
    if cursor is None:
        following = run.resources[run.resources.index(resource) + 1 :]
        run.listing = following[0] if following else ""
        run.stage = SyncStage.LISTING if following else SyncStage.CHECKING
        run.repeated_pages = 0
