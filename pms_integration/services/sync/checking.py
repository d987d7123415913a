"""Counts what a run would take away, before it has written anything, and holds it if that is too much."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.db import connection

from inventory.models import StockLevel
from pms_backend.api.transactions import retried_atomic
from pms_integration.models import (
    PMSConnection,
    PMSLocation,
    SyncMode,
    SyncReport,
    SyncResource,
    SyncRun,
    SyncStage,
    SyncStatus,
)
from pms_integration.services.figures import figure_of, stored_figures
from pms_integration.services.stock_names import StockNames
from pms_integration.services.sync.announcing import announce_hold
from pms_integration.services.sync.leases import Lease, lease_end, lock_run
from pms_integration.services.sync.limits import BATCH_SIZE, HELD_COUNT, HELD_SHARE, MISSED_LISTS
from pms_integration.services.sync.staged_reports import ABSENCE, validated_reports
from pms_integration.services.valid_reports import Figure, of_kind

# What a complete list does not have. An empty list is none: a PMS has failed, or everything is gone by mistake.
_STORE_ABSENCES: Final = """
INSERT INTO pms_integration_syncreport (run_id, resource, key, report, is_reduction, received_at)
SELECT %(run)s, 'products', encode(sha256(convert_to(pms.external_id, 'UTF8')), 'hex'),
    jsonb_build_object('kind', %(absence)s, 'external_id', pms.external_id),
    pms.missed_lists + 1 >= %(missed_lists)s, clock_timestamp()
FROM pms_integration_pmsproduct AS pms
WHERE pms.connection_id = %(connection)s AND pms.product_id IS NOT NULL AND pms.external_id IS NOT NULL
    AND NOT pms.is_deleted
    AND EXISTS (SELECT FROM pms_integration_syncreport WHERE run_id = %(run)s AND resource = 'products')
ORDER BY pms.id
ON CONFLICT (run_id, resource, key) DO NOTHING
"""
_COUNT_PRODUCTS: Final = """
SELECT count(*), count(*) FILTER (WHERE report.is_reduction)
FROM pms_integration_pmsproduct AS pms
JOIN products_product AS product ON product.id = pms.product_id AND product.status <> 'archived'
LEFT JOIN pms_integration_syncreport AS report ON report.run_id = %(run)s AND report.resource = 'products'
    AND report.key = encode(sha256(convert_to(pms.external_id, 'UTF8')), 'hex')
WHERE pms.connection_id = %(connection)s AND pms.external_id IS NOT NULL AND NOT pms.is_deleted
"""


@retried_atomic
def check_run(*, lease: Lease) -> None:
    """Lets the run apply what it has listed, or holds it. Raises `SyncLost`."""
    run = lock_run(lease)
    _store_absences(run)
    because = "" if run.dry_run or run.is_confirmed else _held_because(run)
    run.stage, run.held_because = SyncStage.APPLYING, because or run.held_because
    run.status = SyncStatus.HELD if because else SyncStatus.RUNNING
    run.attempts, run.due_at = 0, lease_end()
    run.save(update_fields=["stage", "held_because", "status", "attempts", "due_at"])
    if because:
        announce_hold(run)


def _store_absences(run: SyncRun) -> None:
    if run.mode == SyncMode.FULL and SyncResource.PRODUCTS in run.resources:
        parameters: dict[str, Any] = {
            "run": run.pk,
            "connection": run.connection_id,
            "absence": ABSENCE,
            "missed_lists": MISSED_LISTS,
        }
        with connection.cursor() as cursor:
            cursor.execute(_STORE_ABSENCES, parameters)


def _held_because(run: SyncRun) -> str:
    """Why the run is held; empty if it takes too little away."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_PRODUCTS, {"run": run.pk, "connection": run.connection_id})
        products, archived = cursor.fetchone()
    owned = PMSLocation.objects.filter(connection=run.connection_id, owns_stock=True)
    levels = StockLevel.objects.filter(location__in=owned.values("location"), on_hand__gt=0).count()
    emptied = sum(_emptied(run.connection, part) for part in _reductions(run))
    what = [
        f"{phrase} {count} of {total} {noun}"
        for phrase, count, total, noun in (
            ("archive", archived, products, "products"),
            ("take to zero", emptied, levels, "levels"),
        )
        if count > max(HELD_COUNT, HELD_SHARE * total)
    ]
    if not what:
        return ""
    return f"It would {' and '.join(what)}: more than {HELD_COUNT}, and more than {HELD_SHARE:.0%}."


def _reductions(run: SyncRun) -> Iterator[list[SyncReport]]:
    """The figures that may take a level to zero, in parts."""
    last = 0
    figures = run.reports.filter(resource=SyncResource.STOCK, is_reduction=True).order_by("id")
    while part := list(figures.filter(id__gt=last)[:BATCH_SIZE]):
        yield part
        last = part[-1].pk


def _emptied(pms: PMSConnection, reports: Sequence[SyncReport]) -> int:
    """How many levels with stock the figures would take to zero."""
    valid, _ = validated_reports(pms, reports)
    figures = of_kind(valid, Figure)
    names = StockNames(pms, [one.report for one in figures])
    found = [(one, names.level_of(one.report), names.location_of(one.report)) for one in figures]
    named = {key: one for one, key, location in found if key and location and location.owns_stock}
    stored = stored_figures(pms, set(named))
    news = {key for key, one in named.items() if figure_of(one.report, one).is_news_to(stored.get(key), is_owned=True)}
    with_stock = StockLevel.objects.filter(variant__in={variant for variant, _ in news}, on_hand__gt=0)
    return len(news & set(with_stock.values_list("variant_id", "location_id")))
