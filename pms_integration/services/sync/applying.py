"""Applies what a run has listed, batch by batch, each in one transaction with the run's progress.

A dry run does the same and rolls it back, so that it tells what a run would do by doing it.
"""

import logging
from collections.abc import Sequence
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from pms_backend import metrics
from pms_backend.api import context
from pms_backend.api.exceptions import OutcomeUnknown
from pms_backend.api.transactions import retried_atomic, rolled_back
from pms_integration.connectors.contract import Resource
from pms_integration.exceptions import SyncLost
from pms_integration.models import (
    PMSEventStatus,
    PMSProduct,
    SyncAction,
    SyncDifference,
    SyncMode,
    SyncReport,
    SyncResource,
    SyncRun,
    SyncStatus,
)
from pms_integration.services import refetches
from pms_integration.services.product_pushes.recording import publish_all
from pms_integration.services.product_reports import apply_product_reports
from pms_integration.services.retries import DEFERRED_RETRY
from pms_integration.services.stock_reports import apply_stock_reports
from pms_integration.services.sync.announcing import announce_end, announce_progress
from pms_integration.services.sync.differences import Findings, ProductComparison, StockComparison
from pms_integration.services.sync.leases import Lease, error_of, lease_end, lock_run
from pms_integration.services.sync.limits import BATCH_SIZE, MAX_ERRORS
from pms_integration.services.sync.listing import has_run_before
from pms_integration.services.sync.staged_reports import is_absence, is_refused, validated_reports
from pms_integration.services.valid_reports import ExternalProduct, Figure, Refetch, Reported, of_kind

logger = logging.getLogger(__name__)

_COUNTS: Final = ("created", "updated", "unchanged", "failed", "archived")
# What only we have: not linked to this connection, and not named by the list. Some of it is to be made there.
_STORE_ONLY_HERE: Final = """
INSERT INTO pms_integration_syncdifference
    (run_id, resource, external_id, sku, field, pms, local, action, detail, product_id)
SELECT %(run)s, 'products', '', coalesce(first.sku, ''), '', NULL, to_jsonb(product.name),
    CASE WHEN waiting.id IS NULL THEN 'only_here' ELSE 'create_there' END, '', product.id
FROM products_product AS product
LEFT JOIN pms_integration_pmsproduct AS waiting
    ON waiting.connection_id = %(connection)s AND waiting.product_id = product.id AND waiting.external_id IS NULL
LEFT JOIN LATERAL (
    SELECT sku FROM products_variant WHERE product_id = product.id AND NOT is_archived ORDER BY position, id LIMIT 1
) AS first ON true
WHERE product.status <> 'archived'
    AND NOT EXISTS (
        SELECT FROM pms_integration_pmsproduct AS pms
        WHERE pms.connection_id = %(connection)s AND pms.product_id = product.id AND pms.external_id IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM pms_integration_syncdifference AS found
        WHERE found.run_id = %(run)s AND found.product_id = product.id)
ORDER BY product.id
"""


def apply_next(lease: Lease, run: SyncRun) -> None:
    """Applies the next batch, or ends the run after the last one. Raises `SyncLost`."""
    reports = list(run.reports.filter(pk__gt=run.position).order_by("pk")[:BATCH_SIZE])
    if reports:
        _apply_or_halve(lease, reports)
    else:
        finish_run(lease=lease)


def _apply_or_halve(lease: Lease, reports: Sequence[SyncReport]) -> None:
    """Applies the reports; after an error each half by itself, so that in the end one report costs itself only."""
    try:
        apply_batch(lease=lease, reports=reports)
    except (SyncLost, OutcomeUnknown, OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(reports) == 1:
            logger.exception("A report of the sync run %s could not be applied", lease.run_id)
            skip_report(lease=lease, report=reports[0], error=error)
            return
        middle = len(reports) // 2
        _apply_or_halve(lease, reports[:middle])
        _apply_or_halve(lease, reports[middle:])


@retried_atomic
def apply_batch(*, lease: Lease, reports: Sequence[SyncReport]) -> None:
    """Applies the next reports of the run and stores its progress. Raises `SyncLost`."""
    run = lock_run(lease)
    origin = context.bind(actor=f"pms:{run.connection.slug}", request_id=run.request_id, door=context.Door.PMS)
    with origin, rolled_back() if run.dry_run else transaction.atomic():
        found = _applied(run, reports)
    for difference in found.differences:
        difference.run = run
        if run.dry_run and difference.action == SyncAction.CREATE_HERE:
            # It is not there any more.
            difference.product_id = None
    SyncDifference.objects.bulk_create(found.differences)
    for name in _COUNTS:
        setattr(run, name, getattr(run, name) + getattr(found, name))
    _advance(run, reports, found.errors)
    missed = found.created + found.updated + found.archived
    if missed and not run.dry_run and has_run_before(run):
        counter = metrics.pms_missed_webhooks_total.labels(run.connection.slug)
        transaction.on_commit(lambda: counter.inc(missed), robust=True)


def _applied(run: SyncRun, reports: Sequence[SyncReport]) -> Findings:
    pms, found = run.connection, Findings()
    skus = {one.pk: _sku_of(one) for one in reports}
    listed = [one for one in _listed(reports) if not is_refused(one)]
    valid, refused = validated_reports(pms, [*listed, *_missed(run, reports)])
    for one, error in refused:
        external_id = str(one.report.get("external_id", ""))
        found.fail(SyncResource(one.resource), error.detail, external_id=external_id, sku=skus[one.pk])
    _apply_products(run, of_kind(valid, ExternalProduct), found)
    _apply_figures(run, of_kind(valid, Figure), skus, found)
    refetches.request_refetches(pms, of_kind(valid, Refetch))
    return found


def _listed(reports: Sequence[SyncReport]) -> list[SyncReport]:
    return [one for one in reports if not is_absence(one)]


def _missed(run: SyncRun, reports: Sequence[SyncReport]) -> list[SyncReport]:
    """Counts the products that were missing from the list; returns those that have been missing often enough.

    A product of which a webhook has come since is not missing.
    """
    absent = {one.report["external_id"]: one for one in reports if is_absence(one)}
    if not absent:
        return []
    rows = PMSProduct.objects.filter(connection=run.connection, external_id__in=absent, updated_at__lt=run.started_at)
    missed = dict(rows.order_by("external_id").select_for_update(no_key=True).values_list("external_id", "pk"))
    PMSProduct.objects.filter(pk__in=missed.values()).update(missed_lists=F("missed_lists") + 1)
    return [absent[external_id] for external_id in missed if absent[external_id].is_reduction]


def _apply_products(run: SyncRun, reported: Sequence[Reported[ExternalProduct]], found: Findings) -> None:
    if not reported:
        return
    comparison = ProductComparison(run.connection, reported)
    outcomes = dict(apply_product_reports(run.connection, reported))
    comparison.compare(outcomes, found)
    failed = [one.report.external_id for one in reported if outcomes[one.message_id].status == PMSEventStatus.FAILED]
    _ask_again(run, Resource.PRODUCT, failed)
    listed = [one.report.external_id for one in reported]
    # Those that have not changed are not written by the report.
    PMSProduct.objects.filter(connection=run.connection, external_id__in=listed, missed_lists__gt=0).update(
        missed_lists=0
    )


def _apply_figures(run: SyncRun, reported: Sequence[Reported[Figure]], skus: dict[int, str], found: Findings) -> None:
    if not reported:
        return
    comparison = StockComparison(run.connection, reported)
    outcomes = dict(apply_stock_reports(run.connection, reported))
    products_follow = run.dry_run and SyncResource.PRODUCTS in run.resources
    comparison.compare(outcomes, skus, found, products_follow=products_follow)
    again = [
        skus[one.message_id]
        for one in reported
        if outcomes[one.message_id].status in (PMSEventStatus.DEFERRED, PMSEventStatus.FAILED)
        and comparison.is_mapped(one.report)
    ]
    _ask_again(run, Resource.STOCK, again)


def _ask_again(run: SyncRun, resource: Resource, ids: Sequence[str]) -> None:
    """Asks later for what could not be applied now: no later run may list it, since it has not changed."""
    due_at = timezone.now() + DEFERRED_RETRY
    refetches.request(run.connection, [(resource, one) for one in ids if one], due_at=due_at)


def _sku_of(one: SyncReport) -> str:
    """The SKU that the PMS names, or its id of the variant; empty for a product."""
    variant = one.report.get("variant", {})
    return str(variant.get("sku") or variant.get("external_id") or "")


@retried_atomic
def skip_report(*, lease: Lease, report: SyncReport, error: Exception) -> None:
    """Leaves a report out that fails by an error of ours. Raises `SyncLost`."""
    run = lock_run(lease)
    run.failed += 1
    detail = f"{type(error).__name__}: {error}"
    external_id = str(report.report.get("external_id", ""))
    if not run.dry_run:
        is_product = report.resource == SyncResource.PRODUCTS
        _ask_again(run, Resource.PRODUCT if is_product else Resource.STOCK, [external_id or _sku_of(report)])
    _advance(
        run,
        [report],
        [error_of(resource=report.resource, external_id=external_id, sku=_sku_of(report), detail=detail)],
    )


def _advance(run: SyncRun, reports: Sequence[SyncReport], errors: Sequence[dict[str, str]]) -> None:
    run.position = reports[-1].pk
    run.processed += len(_listed(reports))
    run.errors = [*run.errors, *(error for error in errors if error not in run.errors)][:MAX_ERRORS]
    run.attempts, run.due_at = 0, lease_end()
    announce_progress(run)
    run.save(update_fields=["position", "processed", "errors", "attempts", "due_at", "announced_at", *_COUNTS])


@retried_atomic
def finish_run(*, lease: Lease) -> None:
    """Ends the run. Raises `SyncLost`."""
    run = lock_run(lease)
    if run.dry_run and run.mode == SyncMode.FULL and SyncResource.PRODUCTS in run.resources:
        with connection.cursor() as cursor:
            cursor.execute(_STORE_ONLY_HERE, {"run": run.pk, "connection": run.connection_id})
    run.status, run.finished_at = SyncStatus.FINISHED, timezone.now()
    run.save(update_fields=["status", "finished_at"])
    if not run.dry_run and run.mode == SyncMode.FULL and SyncResource.PRODUCTS in run.resources:
        publish_all(run.connection)
    run.reports.all().delete()
    announce_end(run)
