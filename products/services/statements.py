"""Many rows inserted or updated by one statement each; the columns are those of the models.

`bulk_update` of Django writes a CASE of every row and field, and `bulk_create` takes longer to build its statement than
PostgreSQL to run it.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Field, Model

from pms_backend.api.arrays import as_array
from products.models import Product, Variant

_NEVER_UPDATED: Final = frozenset({"product_id", "created_at"})


def _columns(model: type[Model]) -> dict[str, str]:
    return {field.attname: _type_of(field) for field in model._meta.concrete_fields if not field.primary_key}


def _type_of(field: "Field[Any, Any]") -> str:
    """The type of a column, without its length: PostgreSQL would silently cut what is longer."""
    if isinstance(field, ArrayField):
        return "text[]"
    return str(field.db_type(connection)).partition("(")[0]


def _updated(columns: dict[str, str]) -> dict[str, str]:
    return {name: kind for name, kind in columns.items() if name not in _NEVER_UPDATED}


def _parameters(columns: dict[str, str]) -> str:
    # Arrays of unequal length cannot be one array of PostgreSQL's, so these are sent as JSON.
    return ", ".join("%s::jsonb[]" if kind == "text[]" else f"%s::{kind}[]" for kind in columns.values())


def _values(columns: dict[str, str]) -> dict[str, str]:
    return {
        name: f"ARRAY(SELECT jsonb_array_elements_text(new.{name}))" if kind == "text[]" else f"new.{name}"
        for name, kind in columns.items()
    }


def _update_statement(table: str, columns: dict[str, str]) -> str:
    return f"""
UPDATE {table} AS old SET {", ".join(f"{name} = {value}" for name, value in _values(columns).items())}
FROM unnest(%s::bigint[], {_parameters(columns)}) AS new(id, {", ".join(columns)})
WHERE old.id = new.id
"""


def _insert_statement(table: str, columns: dict[str, str]) -> str:
    return f"""
INSERT INTO {table} ({", ".join(columns)})
SELECT {", ".join(_values(columns).values())}
FROM unnest({_parameters(columns)}) WITH ORDINALITY AS new({", ".join(columns)}, ordinality)
ORDER BY new.ordinality
RETURNING id
"""


_NEW_PRODUCT: Final = _columns(Product)
_NEW_VARIANT: Final = _columns(Variant)
_PRODUCT: Final = _updated(_NEW_PRODUCT)
_VARIANT: Final = _updated(_NEW_VARIANT)
_UPDATE_PRODUCTS: Final = _update_statement("products_product", _PRODUCT)
_UPDATE_VARIANTS: Final = _update_statement("products_variant", _VARIANT)
_INSERT_PRODUCTS: Final = _insert_statement("products_product", _NEW_PRODUCT)
_INSERT_VARIANTS: Final = _insert_statement("products_variant", _NEW_VARIANT)


def insert_products(products: Sequence[Product]) -> None:
    """Inserts new products in their order, `created_at` included, and sets their primary keys."""
    _insert(_INSERT_PRODUCTS, _NEW_PRODUCT, products)


def insert_variants(variants: Sequence[Variant]) -> None:
    """Inserts new variants of stored products in their order, and sets their primary keys."""
    _insert(_INSERT_VARIANTS, _NEW_VARIANT, variants)


def update_products(products: Sequence[Product]) -> None:
    """Writes every field of locked products that can change."""
    _update(_UPDATE_PRODUCTS, _PRODUCT, products)


def update_variants(variants: Sequence[Variant]) -> None:
    """Writes every field of locked variants that can change, by one statement: they may swap SKUs or option values."""
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
    return [as_array([_parameter(getattr(row, name), kind) for row in rows]) for name, kind in columns.items()]


def _parameter(value: Any, kind: str) -> Any:
    return json.dumps(value) if kind in ("jsonb", "text[]") else value
