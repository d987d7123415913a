"""Columns of many rows, each passed as one parameter of a statement."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

Value = int | str | bool | datetime | Decimal | None
_ESCAPED: Final = re.compile(r'["\\]')


def as_array(column: Sequence[Value]) -> str:
    """The column as a PostgreSQL array literal, for a parameter with a cast (`%s::bigint[]`).

    psycopg looks up an adapter for each value, which takes many times as long. Text must hold no NUL characters. The
    syntax: "Array Input and Output Syntax" in PostgreSQL's documentation.
    """
    kinds = set(map(type, column))
    if kinds == {int}:
        return "{" + ",".join(map(str, column)) + "}"
    if kinds == {str} and not _ESCAPED.search("".join(map(str, column))):
        return '{"' + '","'.join(map(str, column)) + '"}'
    literals = {value: _literal(value) for value in set(column)}
    return "{" + ",".join(map(literals.__getitem__, column)) + "}"


def _literal(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, str):
        # str() of an enumeration's member may return its name instead of its value.
        text = str.__str__(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
    return str(value)
