"""Many rows updated by one statement each, where Django's `bulk_update` makes a CASE of every row and field."""

import json
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import Model

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


def _statement(table: str, columns: dict[str, str]) -> str:
    # Arrays of unequal length cannot be one array of PostgreSQL's, so these travel as JSON.
    sent = {name: "jsonb" if kind == "text[]" else kind for name, kind in columns.items()}
    taken = {
        name: f"ARRAY(SELECT jsonb_array_elements_text(new.{name}))" if kind == "text[]" else f"new.{name}"
        for name, kind in columns.items()
    }
    return f"""
UPDATE {table} AS old SET {", ".join(f"{name} = {value}" for name, value in taken.items())}
FROM unnest(%s::bigint[], {", ".join(f"%s::{kind}[]" for kind in sent.values())}) AS new(id, {", ".join(columns)})
WHERE old.id = new.id
"""


_UPDATE_PRODUCTS: Final = _statement("products_product", _PRODUCT)
_UPDATE_VARIANTS: Final = _statement("products_variant", _VARIANT)


def update_products(products: Sequence[Product]) -> None:
    """Writes every field of locked products that can change."""
    _update(_UPDATE_PRODUCTS, _PRODUCT, products)


def update_variants(variants: Sequence[Variant]) -> None:
    """Writes every field of locked variants that can change, at once: they may swap SKUs or option values."""
    _update(_UPDATE_VARIANTS, _VARIANT, variants)


def _update(statement: str, columns: dict[str, str], rows: Sequence[Model]) -> None:
    if not rows:
        return
    sent = [[row.pk for row in rows]]
    sent += [[_sent(getattr(row, name), kind) for row in rows] for name, kind in columns.items()]
    with connection.cursor() as cursor:
        cursor.execute(statement, sent)


def _sent(value: Any, kind: str) -> Any:
    if kind in ("jsonb", "text[]"):
        return json.dumps(value)
    # A member of an enumeration would be written by its name.
    return str(value) if kind in ("text", "tsvector") else value
