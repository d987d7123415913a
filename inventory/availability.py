"""The available units of many SKUs, in one statement: every page of a shop asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pms_backend.api.arrays import as_array
from pms_backend.api.prepared_statements import on_one_line, prepared_cursor
from products.skus import sku_keys

MAX_AVAILABILITY_SKUS: Final = 500
MAX_AVAILABILITY_LOCATIONS: Final = 100

# The SKUs come with their position, so that the results are in the order of the query.
_STATEMENT: Final = """
SELECT variant.sku_key, variant.sku, stock.code, stock.available
FROM unnest(%(keys)s::text[]) WITH ORDINALITY AS wanted(sku_key, position)
JOIN products_variant AS variant ON variant.sku_key = wanted.sku_key
{only_published}
LEFT JOIN LATERAL (
    SELECT location.code, location.priority, level.on_hand - level.reserved AS available
    FROM inventory_stocklevel AS level
    JOIN inventory_location AS location ON location.id = level.location_id
    WHERE level.variant_id = variant.id AND location.is_active
        AND (%(locations)s::text[] IS NULL OR location.code = ANY (%(locations)s::text[]))
) AS stock ON true
ORDER BY wanted.position, stock.priority, stock.code
"""
_ONLY_PUBLISHED: Final = """
JOIN products_product AS product
    ON product.id = variant.product_id AND product.status = 'active' AND NOT variant.is_archived
"""
# Prepared: to plan it takes three times as long as to execute it for 50 SKUs (0.8 ms against 0.25).
AVAILABILITY: Final = on_one_line(_STATEMENT.format(only_published=""))
_PUBLISHED_AVAILABILITY: Final = on_one_line(_STATEMENT.format(only_published=_ONLY_PUBLISHED))


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityQuery:
    """The SKUs, of unpublished products only with `unpublished`, at these active locations; at all where None.

    `keys` are the SKUs as the caller wrote them, by SKU key (`by_key`).
    """

    keys: dict[str, str]
    locations: Sequence[str] | None
    unpublished: bool


def by_key(skus: Sequence[str]) -> dict[str, str]:
    """Clean SKUs by their SKU keys, each once: as it was written first."""
    all_keys = sku_keys(skus)
    keys = dict(zip(all_keys, skus, strict=True))
    if len(keys) < len(skus):
        first = dict(zip(reversed(all_keys), reversed(skus), strict=True))
        keys = {key: first[key] for key in keys}
    return keys


def availability_of(query: AvailabilityQuery) -> dict[str, Any]:
    """`{"results", "unknown"}`, both in the order of the query.

    A caller that does not see unpublished products is a customer, and reads 0 where less than 0 is available.
    """
    parameters = {
        "keys": as_array(list(query.keys)),
        "locations": None if query.locations is None else as_array(query.locations),
    }
    found: dict[str, dict[str, Any]] = {}
    with prepared_cursor() as cursor:
        cursor.execute(AVAILABILITY if query.unpublished else _PUBLISHED_AVAILABILITY, parameters)
        for key, sku, code, available in cursor.fetchall():
            if key not in found:
                found[key] = {"sku": sku, "available": 0, "locations": {}}
            if code is not None:
                result = found[key]
                result["available"] += available
                result["locations"][code] = available
    results = list(found.values()) if query.unpublished else [_for_customers(result) for result in found.values()]
    return {"results": results, "unknown": [sku for key, sku in query.keys.items() if key not in found]}


def _for_customers(result: dict[str, Any]) -> dict[str, Any]:
    locations = {code: max(available, 0) for code, available in result["locations"].items()}
    return {**result, "available": max(result["available"], 0), "locations": locations}
