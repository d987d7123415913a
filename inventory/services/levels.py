"""Finding, creating and locking levels, variants and locations."""

from collections.abc import Iterable, Sequence
from typing import Final

import psycopg
from django.db import connection
from psycopg.pq import Format

from inventory.exceptions import LocationInactive, UnknownLocation, UnknownSku
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


_TIMESTAMPTZ: Final = psycopg.adapters.types["timestamptz"].oid
_LOAD_MOMENT: Final = psycopg.adapters.get_loader(_TIMESTAMPTZ, Format.TEXT)


def lock_levels(keys: Iterable[Key]) -> dict[Key, LevelState]:
    """The existing levels of these (variant, location), locked in that order to the end of the transaction."""
    with connection.cursor() as cursor:
        # Django's loader of moments is Python, and takes half the time of reading 10,000 levels.
        cursor.cursor.adapters.register_loader(_TIMESTAMPTZ, _LOAD_MOMENT)
        cursor.execute(_LOCK, _columns(keys))
        states = list(map(LevelState._make, cursor.fetchall()))
    return {(state.variant_id, state.location_id): state for state in states}


def create_levels(keys: Iterable[Key]) -> None:
    """Creates empty levels where there are none. It records no event: an empty level means the same as none."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE, _columns(keys))


def lock_level(*, variant_id: int, location_id: int) -> LevelState:
    """The level, created if there is none, locked to the end of the transaction."""
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
    """The active location with this code. Raises `UnknownLocation`, `LocationInactive`, with the JSON pointer."""
    location = Location.objects.filter(code=code).first()
    if location is None:
        raise UnknownLocation(code, pointer=pointer)
    if not location.is_active:
        raise LocationInactive(code, pointer=pointer)
    return location


def variants_by_key(skus: Sequence[str]) -> dict[str, int]:
    """The ids of the variants with these SKUs, by SKU key; unknown SKUs are left out."""
    return variants_of({sku_key(sku) for sku in skus})


def variants_of(keys: Iterable[str]) -> dict[str, int]:
    """The ids of the variants with these SKU keys, by key; unknown ones are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_VARIANTS, [as_array(sorted(set(keys)))])
        return dict(cursor.fetchall())
