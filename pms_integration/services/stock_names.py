"""Finds the variants and locations that reports of stock name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection as database

from inventory.services.levels import Key
from pms_backend.api.arrays import as_array
from pms_integration.models import PMSConnection
from pms_integration.services.valid_reports import StockReport, VariantKey

_VARIANTS: Final = """
SELECT sku_key, '', id FROM products_variant WHERE sku_key = ANY (%s::text[])
UNION ALL
SELECT '', asked.id, known.variant_id FROM unnest(%s::text[]) AS asked(id)
CROSS JOIN LATERAL (
    SELECT variant_id FROM pms_integration_pmsvariant
    WHERE connection_id = %s AND (external_id = asked.id OR other_ids @> ARRAY[asked.id]::varchar[])
    ORDER BY external_id <> asked.id, id LIMIT 1
) AS known
"""
# By the id that the connection has for it, else by our code. The rows of the mappings are locked, so that their owner
# stays until the reports are applied (`ownership.py`), and are read as they are after the wait for the lock.
_LOCATIONS: Final = """
WITH held AS MATERIALIZED (
    SELECT location_id, external_id, owns_stock FROM pms_integration_pmslocation
    WHERE connection_id = %(connection)s AND (external_id = ANY (%(names)s::text[])
        OR location_id IN (SELECT id FROM inventory_location WHERE code = ANY (%(names)s::text[])))
    ORDER BY location_id
    FOR SHARE
)
SELECT asked.name, found.id, found.code, found.is_active, found.owns_stock
FROM unnest(%(names)s::text[]) AS asked(name)
CROSS JOIN LATERAL (
    SELECT location.id, location.code, location.is_active, coalesce(mapped.owns_stock, false) AS owns_stock
    FROM inventory_location AS location
    LEFT JOIN held AS mapped ON mapped.location_id = location.id
    WHERE mapped.external_id = asked.name OR location.code = asked.name
    ORDER BY mapped.external_id IS DISTINCT FROM asked.name LIMIT 1
) AS found
"""


@dataclass(frozen=True, slots=True)
class KnownLocation:
    """A location that reports name, and whether the connection owns the stock there."""

    id: int
    code: str
    is_active: bool
    owns_stock: bool


class StockNames:
    """What the reports of a connection name, found by one statement for the variants and one for the locations."""

    def __init__(self, pms: PMSConnection, reports: Sequence[StockReport]) -> None:
        self._variants = _variants(pms, [report.variant for report in reports])
        self._locations = _locations(pms, {report.location for report in reports})

    def variant_of(self, report: StockReport) -> int | None:
        """The id of the variant; None if it is not known."""
        return self._variants.get(report.variant)

    def location_of(self, report: StockReport) -> KnownLocation | None:
        """The location; None if it is not known."""
        return self._locations.get(report.location)

    def level_of(self, report: StockReport) -> Key | None:
        """The variant and the location; None if one of them is not known."""
        variant, location = self.variant_of(report), self.location_of(report)
        return None if variant is None or location is None else (variant, location.id)


def _variants(pms: PMSConnection, keys: Sequence[VariantKey]) -> dict[VariantKey, int]:
    sku_keys = sorted({key.sku_key for key in keys if key.sku_key})
    external_ids = sorted({key.external_id for key in keys if key.external_id})
    with database.cursor() as cursor:
        cursor.execute(_VARIANTS, [as_array(sku_keys), as_array(external_ids), pms.pk])
        return {VariantKey(sku, external_id): variant for sku, external_id, variant in cursor.fetchall()}


def _locations(pms: PMSConnection, names: set[str]) -> dict[str, KnownLocation]:
    with database.cursor() as cursor:
        cursor.execute(_LOCATIONS, {"names": as_array(sorted(names)), "connection": pms.pk})
        return {name: KnownLocation(*found) for name, *found in cursor.fetchall()}
