"""Applies the reports of a PMS with the same services as every other write.

Lock order: the PMSEvent is locked already; then PMSProduct, product, variants; or the level, then its PMSStock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from inventory import services as inventory
from inventory.exceptions import LocationInactive
from pms_backend.api.prepared_statements import prepared_cursor
from pms_backend.events import services as outbox
from pms_integration.connectors.contract import ProductReport, Report, StockCount, StockDelta
from pms_integration.events import PMSConflict
from pms_integration.exceptions import AwaitsSku, UnknownPMSLocation, UnusableData
from pms_integration.models import (
    PMSConnection,
    PMSEvent,
    PMSEventStatus,
    PMSProduct,
    PMSProductState,
    PMSStock,
)
from products import services as products
from products.exceptions import (
    AttributesTooLarge,
    DescriptionTooLong,
    InvalidHandle,
    OptionsDoNotFit,
    PublishRulesFailed,
    TooManyVariants,
)
from products.models import Category, Product, ProductStatus, Variant
from products.skus import sku_key

# A report dated further after its receipt than this is refused; clocks differ by less.
MAX_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a report: `processed` or `ignored`, and the reason."""

    status: PMSEventStatus
    reason: str = ""


PROCESSED: Final = Result(PMSEventStatus.PROCESSED)
STALE: Final = Result(PMSEventStatus.IGNORED, "stale")
SUPERSEDED: Final = Result(PMSEventStatus.IGNORED, "superseded")
FOR_COMPARISON: Final = Result(PMSEventStatus.PROCESSED, "recorded for comparison: the stock here is ours")


def apply_report(event: PMSEvent, report: Report) -> Result:
    """Applies the report of a locked event.

    Raises `AwaitsSku`, `UnknownPMSLocation`, `UnusableData` and the errors of the services that it calls.
    """
    if isinstance(report, ProductReport):
        return _apply_product(event.connection, report)
    if report.occurred_at > event.received_at + MAX_SKEW:
        raise UnusableData(f"It happened at {report.occurred_at.isoformat()}, which is yet to come.")
    resolved = _resolve_level(event.connection, report)
    level = inventory.lock_level(variant_id=resolved.variant_id, location_id=resolved.location_id)
    source = f"{event.connection.slug}:{event.webhook_id}:0"
    if isinstance(report, StockCount):
        return _apply_count(event, report, level, source, owns_stock=resolved.owns_stock)
    return _apply_delta(event, report, level, source, owns_stock=resolved.owns_stock)


@dataclass(frozen=True, slots=True)
class _ResolvedLevel:
    """The variant and location that a report names, and whether the PMS owns the stock there."""

    variant_id: int
    location_id: int
    owns_stock: bool


# Raw SQL: thousands arrive in a night, and Django takes longer to build this query than PostgreSQL to answer it.
_RESOLVE_LEVEL: Final = """
SELECT known.variant_id, found.id, found.code, found.is_active, found.owns_stock
FROM (SELECT (SELECT id FROM products_variant WHERE sku_key = %(sku_key)s::text)) AS known(variant_id)
LEFT JOIN LATERAL (
    SELECT location.id, location.code, location.is_active,
        EXISTS (SELECT FROM pms_integration_pmslocation AS mapping
            WHERE mapping.connection_id = %(connection)s::bigint AND mapping.location_id = location.id
                AND mapping.owns_stock) AS owns_stock
    FROM inventory_location AS location
    LEFT JOIN pms_integration_pmslocation AS called ON called.location_id = location.id
        AND called.connection_id = %(connection)s::bigint AND called.external_name = %(name)s::text
    WHERE called.id IS NOT NULL OR location.code = %(name)s::text
    ORDER BY called.id IS NULL LIMIT 1
) AS found ON true
"""
_REPORTED_AT: Final = """
SELECT reported_at FROM pms_integration_pmsstock
WHERE connection_id = %(connection)s::bigint AND level_id = %(level)s::bigint
"""


def _resolve_level(connection: PMSConnection, report: StockDelta | StockCount) -> _ResolvedLevel:
    """Finds the variant and the location: by the name that the connection has for it, else by its code."""
    key, name = sku_key(report.sku), report.location
    with prepared_cursor() as cursor:
        cursor.execute(_RESOLVE_LEVEL, {"sku_key": key, "connection": connection.pk, "name": name})
        variant_id, location_id, code, is_active, owns_stock = cursor.fetchone()
    if variant_id is None:
        raise AwaitsSku(key)
    if location_id is None:
        raise UnknownPMSLocation(f"No location is called {name}, by the connection or by us.")
    if not is_active:
        raise LocationInactive(code)
    return _ResolvedLevel(variant_id, location_id, owns_stock)


def _apply_delta(
    event: PMSEvent, report: StockDelta, level: inventory.LevelState, source: str, *, owns_stock: bool
) -> Result:
    if owns_stock:
        # Read in a statement of its own after the level is locked, so that a count stored while we waited is seen.
        with prepared_cursor() as cursor:
            cursor.execute(_REPORTED_AT, {"connection": event.connection_id, "level": level.id})
            counted = cursor.fetchone()
        if counted is not None and report.occurred_at <= counted[0]:
            return SUPERSEDED
    inventory.apply_reported_change(
        state=level,
        delta=report.delta,
        occurred_at=report.occurred_at,
        reason=report.reason,
        note=report.note,
        reference=report.reference,
        source=source,
    )
    return PROCESSED


def _apply_count(
    event: PMSEvent, report: StockCount, level: inventory.LevelState, source: str, *, owns_stock: bool
) -> Result:
    stored = PMSStock.objects.filter(connection=event.connection, level_id=level.id).first()
    if stored is not None and _order(report.occurred_at, report.version, event.webhook_id) <= _order(
        stored.reported_at, stored.version, stored.webhook_id
    ):
        return STALE
    PMSStock.objects.update_or_create(
        connection=event.connection,
        level_id=level.id,
        defaults={
            "on_hand": report.on_hand,
            "reported_at": report.occurred_at,
            "version": report.version,
            "webhook_id": event.webhook_id,
        },
    )
    if not owns_stock:
        return FOR_COMPARISON
    inventory.apply_reported_count(state=level, on_hand=report.on_hand, occurred_at=report.occurred_at, source=source)
    return PROCESSED


def _order(moment: datetime, version: int | None, webhook_id: str) -> tuple[datetime, int, str]:
    return moment, -1 if version is None else version, webhook_id


def _apply_product(connection: PMSConnection, report: ProductReport) -> Result:
    PMSProduct.objects.bulk_create(
        [PMSProduct(connection=connection, external_id=report.external_id)], ignore_conflicts=True
    )
    row = PMSProduct.objects.select_for_update(no_key=True).get(connection=connection, external_id=report.external_id)
    if row.version is not None and report.version <= row.version:
        return STALE
    row.version, row.payload, row.is_deleted = report.version, report.payload, report.data is None
    row.state, row.reason = PMSProductState.IN_SYNC, ""
    if report.data is None:
        if row.product_id is not None:
            products.archive_product(product_id=row.product_id)
    elif conflict := _conflict(row, report.data):
        row.state, row.reason = PMSProductState.CONFLICT, conflict
        outbox.record(PMSConflict(connection=connection.slug, external_id=row.external_id, detail=conflict))
    else:
        row.product, row.reason = _write_product(row, report.data)
    row.updated_at = timezone.now()
    row.save(update_fields=["product", "version", "payload", "state", "reason", "is_deleted", "updated_at"])
    return Result(PMSEventStatus.PROCESSED, row.reason)


def _conflict(row: PMSProduct, data: dict[str, Any]) -> str:
    """The reason why the report conflicts with the product that it is linked to; empty if it does not.

    Links the row to an existing product that has the SKUs and is not linked yet.
    """
    keys = [sku_key(variant["sku"]) for variant in data["variants"]]
    owners = set(Variant.objects.filter(sku_key__in=keys).values_list("product_id", flat=True))
    if row.product_id is None and len(owners) == 1:
        owner = next(iter(owners))
        if not PMSProduct.objects.filter(connection=row.connection_id, product=owner).exists():
            row.product_id = owner
    if owners - {row.product_id}:
        return "SKUs of it belong to another product."
    return ""


def _write_product(row: PMSProduct, data: dict[str, Any]) -> tuple[Product, str]:
    """Creates or updates our product and returns it with a note; one that cannot be published is a draft."""
    notes = []
    category = data.get("category")
    if category and not Category.objects.filter(slug=category).exists():
        data = {name: value for name, value in data.items() if name != "category"}
        notes.append(f"There is no category {category}.")
    try:
        product = _create_or_update(row, data)
    except PublishRulesFailed as error:
        notes.append(f"Kept as a draft: {error.detail}")
        product = _create_or_update(row, {**data, "status": ProductStatus.DRAFT})
    return product, " ".join(notes)


def _create_or_update(row: PMSProduct, data: dict[str, Any]) -> Product:
    data = {**data, "is_whole": True}
    try:
        if row.product_id is None:
            return products.create_product(data=data)
        return products.update_product(product_id=row.product_id, data=data)[0]
    except (OptionsDoNotFit, AttributesTooLarge, TooManyVariants, DescriptionTooLong, InvalidHandle) as error:
        raise UnusableData(f"data is not valid. {error.detail}") from None
