"""Inserts and updates many rows by one statement each; the columns are those of the models.

`bulk_update` of Django writes a CASE of every row and field, and `bulk_create` takes longer to build its statement than
PostgreSQL to run it.
"""

import json
from collections.abc import Container, Sequence
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Field, Model

from pms_backend.api.arrays import as_array
from products.models import Product, Variant

_ARRAY: Final = "text[]"


class Table:
    """The statements of one table. The columns `constant` are written by inserts only."""

    def __init__(self, model: type[Model], *, constant: Container[str]) -> None:
        fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        self._columns = {field.attname: _type_of(field) for field in fields}
        self._updated = {name: kind for name, kind in self._columns.items() if name not in constant}
        table = model._meta.db_table
        self._insert = f"""
INSERT INTO {table} ({", ".join(self._columns)})
SELECT {", ".join(_value(name, kind) for name, kind in self._columns.items())}
FROM unnest({_parameters(self._columns)}) WITH ORDINALITY AS new({", ".join(self._columns)}, ordinality)
ORDER BY new.ordinality
RETURNING id
"""
        self._update = f"""
UPDATE {table} AS old SET {", ".join(f"{name} = {_value(name, kind)}" for name, kind in self._updated.items())}
FROM unnest(%s::bigint[], {_parameters(self._updated)}) AS new(id, {", ".join(self._updated)})
WHERE old.id = new.id
"""

    def insert(self, rows: Sequence[Model]) -> None:
        """Inserts new rows in their order, `created_at` included, and sets their primary keys."""
        if not rows:
            return
        with connection.cursor() as cursor:
            cursor.execute(self._insert, _arrays(self._columns, rows))
            for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
                row.pk = key
                row._state.adding, row._state.db = False, connection.alias

    def update(self, rows: Sequence[Model]) -> None:
        """Writes every field of locked rows that can change; rows may swap unique values."""
        if rows:
            with connection.cursor() as cursor:
                cursor.execute(self._update, [as_array([row.pk for row in rows]), *_arrays(self._updated, rows)])


def _type_of(field: "Field[Any, Any]") -> str:
    """The type of a column, without its length: PostgreSQL would silently cut what is longer."""
    return _ARRAY if isinstance(field, ArrayField) else str(field.db_type(connection)).partition("(")[0]


def _parameters(columns: dict[str, str]) -> str:
    # Arrays of unequal length cannot be one array of PostgreSQL's, so these are sent as JSON.
    return ", ".join("%s::jsonb[]" if kind == _ARRAY else f"%s::{kind}[]" for kind in columns.values())


def _value(name: str, kind: str) -> str:
    return f"ARRAY(SELECT jsonb_array_elements_text(new.{name}))" if kind == _ARRAY else f"new.{name}"


def _arrays(columns: dict[str, str], rows: Sequence[Model]) -> list[str]:
    return [as_array([_parameter(getattr(row, name), kind) for row in rows]) for name, kind in columns.items()]


def _parameter(value: Any, kind: str) -> Any:
    return json.dumps(value) if kind in ("jsonb", _ARRAY) else value


PRODUCTS: Final = Table(Product, constant={"created_at"})
VARIANTS: Final = Table(Variant, constant={"product_id", "created_at"})
