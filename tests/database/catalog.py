"""What PostgreSQL itself says of our tables: their rules and columns."""

from dataclasses import dataclass

from django.db import connection

OURS = "^(inventory|products|pms_integration|events)_"


@dataclass(frozen=True, slots=True)
class Rule:
    """A named check, unique key, exclusion, foreign key or trigger of a table."""

    name: str
    table: str
    # Of pg_constraint: c, u, x, f; and i for a unique index without a constraint, t for a trigger.
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


_RULES = """
SELECT rule.conname, relation.relname, rule.contype::text, array(SELECT attname::text FROM unnest(rule.conkey) AS key
    JOIN pg_attribute ON attrelid = rule.conrelid AND attnum = key), ''
FROM pg_constraint AS rule JOIN pg_class AS relation ON relation.oid = rule.conrelid
WHERE rule.contype IN ('c', 'u', 'x', 'f') AND relation.relname ~ %(ours)s
UNION ALL
SELECT held.relname, relation.relname, 'i', array(SELECT attname::text FROM unnest(index.indkey::int2[]) AS key
    JOIN pg_attribute ON attrelid = index.indrelid AND attnum = key),
    coalesce(pg_get_expr(index.indpred, index.indrelid), '')
FROM pg_index AS index JOIN pg_class AS relation ON relation.oid = index.indrelid
JOIN pg_class AS held ON held.oid = index.indexrelid
WHERE index.indisunique AND NOT index.indisprimary AND relation.relname ~ %(ours)s
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = index.indexrelid AND contype IN ('u', 'x'))
UNION ALL
SELECT tgname, relation.relname, 't', '{}', ''
FROM pg_trigger JOIN pg_class AS relation ON relation.oid = tgrelid
WHERE NOT tgisinternal AND relation.relname ~ %(ours)s
ORDER BY 2, 1
"""

_COLUMNS = """
SELECT relation.relname, attname, format_type(atttypid, NULL), attnotnull
FROM pg_attribute JOIN pg_class AS relation ON relation.oid = attrelid
WHERE relation.relkind = 'r' AND relation.relname ~ %(ours)s AND attnum > 0 AND NOT attisdropped
    AND attgenerated = '' AND attidentity <> 'a'
ORDER BY relation.relname, attnum
"""


def rules() -> list[Rule]:
    """Every rule of our tables."""
    with connection.cursor() as cursor:
        cursor.execute(_RULES, {"ours": OURS})
        return [Rule(name, table, kind, tuple(columns), predicate) for name, table, kind, columns, predicate in cursor]


def columns() -> list[Column]:
    """Every column of our tables that can be written."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, {"ours": OURS})
        return [Column(*row) for row in cursor.fetchall()]


def copy_of_a_row(table: str, *, where: str = "", **changes: str) -> str:
    """The INSERT of a row like one that is there; `changes` are SQL."""
    names = [column.name for column in columns() if column.table == table and column.name != "id"]
    values = [changes.get(name, name) for name in names]
    condition = f"WHERE {where}" if where else ""
    quoted = ", ".join(f'"{name}"' for name in names)
    shown = ", ".join(value if name in changes else f'"{value}"' for name, value in zip(names, values, strict=True))
    return f"INSERT INTO {table} ({quoted}) SELECT {shown} FROM {table} {condition} LIMIT 1"
