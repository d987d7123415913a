"""What PostgreSQL itself says of our tables: their rules and columns."""

from dataclasses import dataclass

from django.apps import apps
from django.db import connection

from tests.architecture.sources import PACKAGES

# Ours is every table that no model of a library has, whatever made it.
_OF_LIBRARIES = [
    "django_migrations",
    *(
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model.__module__.split(".")[0] not in PACKAGES
    ),
]
_OURS = """relation.relkind = 'r' AND relation.relnamespace = current_schema()::regnamespace
    AND relation.relname <> ALL (%(of_libraries)s)"""


@dataclass(frozen=True, slots=True)
class Rule:
    """A named check, key, exclusion, reference or trigger of a table."""

    name: str
    table: str
    # Of pg_constraint: c, p, u, x, f; and i for a unique index without a constraint, t for a trigger.
    kind: str
    columns: tuple[str, ...]
    # Of which rows a unique index is.
    predicate: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be written."""

    table: str
    name: str
    type: str
    is_required: bool
    # PostgreSQL numbers the rows, where an INSERT leaves it out.
    is_identity: bool


# Primary keys that PostgreSQL numbers are left out: no statement of ours writes them.
_RULES = f"""
SELECT rule.conname, relation.relname, rule.contype::text, array(SELECT attname::text FROM unnest(rule.conkey) AS key
    JOIN pg_attribute ON attrelid = rule.conrelid AND attnum = key), ''
FROM pg_constraint AS rule JOIN pg_class AS relation ON relation.oid = rule.conrelid
WHERE {_OURS} AND (rule.contype IN ('c', 'u', 'x', 'f') OR rule.contype = 'p' AND NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = rule.conrelid AND attnum = ANY (rule.conkey) AND attidentity <> ''))
UNION ALL
SELECT held.relname, relation.relname, 'i', array(SELECT attname::text FROM unnest(index.indkey::int2[]) AS key
    JOIN pg_attribute ON attrelid = index.indrelid AND attnum = key),
    coalesce(pg_get_expr(index.indpred, index.indrelid), '')
FROM pg_index AS index JOIN pg_class AS relation ON relation.oid = index.indrelid
JOIN pg_class AS held ON held.oid = index.indexrelid
WHERE index.indisunique AND NOT index.indisprimary AND {_OURS}
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = index.indexrelid AND contype IN ('u', 'x'))
UNION ALL
SELECT tgname, relation.relname, 't', array[]::text[], ''
FROM pg_trigger JOIN pg_class AS relation ON relation.oid = tgrelid
WHERE NOT tgisinternal AND {_OURS}
ORDER BY 2, 1
"""

_COLUMNS = f"""
SELECT relation.relname, attname, format_type(atttypid, NULL), attnotnull, attidentity <> ''
FROM pg_attribute JOIN pg_class AS relation ON relation.oid = attrelid
WHERE {_OURS} AND attnum > 0 AND NOT attisdropped
    AND attgenerated = '' AND attidentity <> 'a'
ORDER BY relation.relname, attnum
"""


def rules() -> list[Rule]:
    """Every rule of our tables."""
    with connection.cursor() as cursor:
        cursor.execute(_RULES, {"of_libraries": _OF_LIBRARIES})
        return [Rule(name, table, kind, tuple(columns), predicate) for name, table, kind, columns, predicate in cursor]


def columns() -> list[Column]:
    """Every column of our tables that can be written."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, {"of_libraries": _OF_LIBRARIES})
        return [Column(*row) for row in cursor.fetchall()]


def copy_of_a_row(table: str, *, where: str = "", **changes: str) -> str:
    """The INSERT of a row like one that is there; `changes` are SQL."""
    names = [column.name for column in columns() if column.table == table and not column.is_identity]
    values = [changes.get(name, name) for name in names]
    condition = f"WHERE {where}" if where else ""
    quoted = ", ".join(f'"{name}"' for name in names)
    shown = ", ".join(value if name in changes else f'"{value}"' for name, value in zip(names, values, strict=True))
    return f"INSERT INTO {table} ({quoted}) SELECT {shown} FROM {table} {condition} LIMIT 1"
