"""The available units of many SKUs, in one statement: every page of a shop asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from pms_backend.api.arrays import as_array
from products.models import ProductStatus
from products.skus import sku_key

MAX_AVAILABILITY_SKUS: Final = 500
MAX_AVAILABILITY_LOCATIONS: Final = 100

# The SKUs come with their position, so that the results are in the order of the query.
AVAILABILITY: Final = """
SELECT variant.sku_key, variant.sku, stock.code, stock.available
FROM unnest(%(keys)s::text[]) WITH ORDINALITY AS wanted(sku_key, position)
JOIN products_variant AS variant ON variant.sku_key = wanted.sku_key
JOIN products_product AS product ON product.id = variant.product_id
LEFT JOIN LATERAL (
    SELECT location.code, location.priority, level.on_hand - level.reserved AS available
    FROM inventory_stocklevel AS level
    JOIN inventory_location AS location ON location.id = level.location_id
    WHERE level.variant_id = variant.id AND location.is_active
        AND (%(locations)s::text[] IS NULL OR location.code = ANY (%(locations)s::text[]))
) AS stock ON true
WHERE %(unpublished)s OR (product.status = %(published)s AND NOT variant.is_archived)
ORDER BY wanted.position, stock.priority, stock.code
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityQuery:
    """The SKUs, of unpublished products only with `unpublished`, at these active locations; at all where None."""

    skus: Sequence[str]
    locations: Sequence[str] | None
    unpublished: bool

    @property
    def keys(self) -> dict[str, str]:
        """The SKUs as the caller wrote them, by SKU key, each once."""
        keys: dict[str, str] = {}
        for sku in self.skus:
            keys.setdefault(sku_key(sku), sku)
        return keys


def availability_of(query: AvailabilityQuery) -> dict[str, Any]:
    """`{"results", "unknown"}`, both in the order of the query.

    A caller that does not see unpublished products is a customer, and reads 0 where less than 0 is available.
    """
    keys = query.keys
    parameters = {
        "keys": as_array(list(keys)),
        "locations": None if query.locations is None else as_array(query.locations),
        "unpublished": query.unpublished,
        "published": ProductStatus.ACTIVE,
    }
    found: dict[str, dict[str, Any]] = {}
    with connection.cursor() as cursor:
        cursor.execute(AVAILABILITY, parameters)
        for key, sku, code, available in cursor.fetchall():
            result = found.setdefault(key, {"sku": sku, "available": 0, "locations": {}})
            if code is not None:
                result["available"] += available
                result["locations"][code] = available
    results = [result if query.unpublished else _for_customers(result) for result in found.values()]
    return {"results": results, "unknown": [sku for key, sku in keys.items() if key not in found]}


def _for_customers(result: dict[str, Any]) -> dict[str, Any]:
    locations = {code: max(available, 0) for code, available in result["locations"].items()}
    return {**result, "available": max(result["available"], 0), "locations": locations}
