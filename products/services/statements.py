"""Many rows made or updated by one statement each.

Django's `bulk_update` makes a CASE of every row and field, and `bulk_create` takes longer to make its statement than
PostgreSQL to run it.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import Model

from pms_backend.api.arrays import as_array
from products.models import Product, Variant

_PRODUCT: Final = {
    "name": "text",
    "handle": "text",
    "description": "text",
    "brand": "text",
    "status": "text",
    "published_at": "timestamptz",
    "publish_at": "timestamptz",
    "unpublish_at": "timestamptz",
    "category_id": "bigint",
    "tags": "text[]",
    "attributes": "jsonb",
    "options": "jsonb",
    "search_document": "tsvector",
    "lowest_price": "numeric",
    "version": "bigint",
    "updated_at": "timestamptz",
}
_VARIANT: Final = {
    "sku": "text",
    "sku_key": "text",
    "barcode": "text",
    "name": "text",
    "price": "numeric",
    "currency": "text",
    "compare_at_price": "numeric",
    "cost": "numeric",
    "weight_grams": "integer",
    "options": "jsonb",
    "position": "integer",
    "is_archived": "boolean",
    "updated_at": "timestamptz",
}
# What never changes afterwards.
_NEW_PRODUCT: Final = {"created_at": "timestamptz", **_PRODUCT}
_NEW_VARIANT: Final = {"product_id": "bigint", "created_at": "timestamptz", **_VARIANT}


def _sent_as(columns: dict[str, str]) -> str:
    # Arrays of unequal length cannot be one array of PostgreSQL's, so these travel as JSON.
    return ", ".join("%s::jsonb[]" if kind == "text[]" else f"%s::{kind}[]" for kind in columns.values())


def _taken(columns: dict[str, str]) -> dict[str, str]:
    return {
        name: f"ARRAY(SELECT jsonb_array_elements_text(new.{name}))" if kind == "text[]" else f"new.{name}"
        for name, kind in columns.items()
    }


def _update_statement(table: str, columns: dict[str, str]) -> str:
    return f"""
UPDATE {table} AS old SET {", ".join(f"{name} = {value}" for name, value in _taken(columns).items())}
FROM unnest(%s::bigint[], {_sent_as(columns)}) AS new(id, {", ".join(columns)})
WHERE old.id = new.id
"""


def _insert_statement(table: str, columns: dict[str, str]) -> str:
    return f"""
INSERT INTO {table} ({", ".join(columns)})
SELECT {", ".join(_taken(columns).values())}
FROM unnest({_sent_as(columns)}) WITH ORDINALITY AS new({", ".join(columns)}, place_in_order)
ORDER BY new.place_in_order
RETURNING id
"""


_UPDATE_PRODUCTS: Final = _update_statement("products_product", _PRODUCT)
_UPDATE_VARIANTS: Final = _update_statement("products_variant", _VARIANT)
_INSERT_PRODUCTS: Final = _insert_statement("products_product", _NEW_PRODUCT)
_INSERT_VARIANTS: Final = _insert_statement("products_variant", _NEW_VARIANT)


def insert_products(products: Sequence[Product]) -> None:
    """Writes new products, `created_at` and all, in their order, and gives them their keys."""
    _insert(_INSERT_PRODUCTS, _NEW_PRODUCT, products)


def insert_variants(variants: Sequence[Variant]) -> None:
    """Writes new variants of products that have their keys, in their order, and gives them theirs."""
    _insert(_INSERT_VARIANTS, _NEW_VARIANT, variants)


def update_products(products: Sequence[Product]) -> None:
    """Writes every field of locked products that can change."""
    _update(_UPDATE_PRODUCTS, _PRODUCT, products)


def update_variants(variants: Sequence[Variant]) -> None:
    """Writes every field of locked variants that can change, at once: they may swap SKUs or option values."""
    _update(_UPDATE_VARIANTS, _VARIANT, variants)


def _update(statement: str, columns: dict[str, str], rows: Sequence[Model]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [as_array([row.pk for row in rows]), *_arrays(columns, rows)])


def _insert(statement: str, columns: dict[str, str], rows: Sequence[Model]) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(statement, _arrays(columns, rows))
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = key
            row._state.adding, row._state.db = False, connection.alias


def _arrays(columns: dict[str, str], rows: Sequence[Model]) -> list[str]:
    return [as_array([_sent(getattr(row, name), kind) for row in rows]) for name, kind in columns.items()]


def _sent(value: Any, kind: str) -> Any:
    if kind in ("jsonb", "text[]"):
        return json.dumps(value)
    # A member of an enumeration would be written by its name.
    return str(value) if kind in ("text", "tsvector") else value
