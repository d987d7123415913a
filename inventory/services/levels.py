"""Levels: finding, creating and locking them; their limits."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import connection

from inventory.exceptions import LimitInUse, LocationInactive, UnknownLocation, UnknownSku
from inventory.level_fields import LevelState
from inventory.models import Location
from pms_backend.api.arrays import as_array
from products.models import Variant
from products.skus import sku_key

Key = tuple[int, int]


_LOCK: Final = f"""
SELECT {", ".join(f"level.{name}" for name in LevelState._fields)}
FROM inventory_stocklevel AS level
WHERE (level.variant_id, level.location_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
ORDER BY level.variant_id, level.location_id
FOR NO KEY UPDATE OF level
"""

_CREATE: Final = """
INSERT INTO inventory_stocklevel (variant_id, location_id)
SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS wanted(variant_id, location_id)
ORDER BY variant_id, location_id
ON CONFLICT DO NOTHING
"""

_VARIANTS: Final = "SELECT sku_key, id FROM products_variant WHERE sku_key = ANY (%s::text[])"


def lock_levels(keys: Iterable[Key]) -> dict[Key, LevelState]:
    """The levels there are of these (variant, location), locked in that order to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, _columns(keys))
        states = [LevelState._make(row) for row in cursor.fetchall()]
    return {(state.variant_id, state.location_id): state for state in states}


def create_levels(keys: Iterable[Key]) -> None:
    """Makes empty levels where there are none. Nobody is told: an empty level says what no level says."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE, _columns(keys))


def lock_level(*, variant_id: int, location_id: int) -> LevelState:
    """The level, made where there is none, locked to the end of the transaction."""
    key = (variant_id, location_id)
    states = lock_levels([key])
    if not states:
        create_levels([key])
        states = lock_levels([key])
    return states[key]


def _columns(keys: Iterable[Key]) -> tuple[str, str]:
    pairs = sorted(set(keys))
    return as_array([variant for variant, _ in pairs]), as_array([location for _, location in pairs])


def require_variant(sku: str) -> Variant:
    """The variant with this SKU. Raises `UnknownSku`."""
    variant = Variant.objects.filter(sku_key=sku_key(sku)).first()
    if variant is None:
        raise UnknownSku(sku)
    return variant


def require_location(code: str, *, pointer: str = "/location") -> Location:
    """The active location with this code, which stands at `pointer`. Raises `UnknownLocation`, `LocationInactive`."""
    location = Location.objects.filter(code=code).first()
    if location is None:
        raise UnknownLocation(code, pointer=pointer)
    if not location.is_active:
        raise LocationInactive(code, pointer=pointer)
    return location


def variants_by_key(skus: Sequence[str]) -> dict[str, int]:
    """The ids of the variants that there are of these SKUs, by SKU key."""
    with connection.cursor() as cursor:
        cursor.execute(_VARIANTS, [as_array(sorted({sku_key(sku) for sku in skus}))])
        return dict(cursor.fetchall())


def check_limits(state: LevelState, values: dict[str, Any]) -> LevelState:
    """The level with other limits. Raises `LimitInUse` where the backorder limit would be below what is in use."""
    after = state._replace(**values, version=state.version + 1)
    if after.is_short and after.backorder_limit < state.backorder_limit:
        raise LimitInUse(f"{-state.available} are promised beyond what is there.")
    return after._replace(is_oversold=after.is_short)
