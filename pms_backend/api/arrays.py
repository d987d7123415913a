"""Columns of many rows, each as one parameter of a statement."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

Value = int | str | bool | datetime | Decimal | None


def as_array(column: Sequence[Value]) -> str:
    """The column as PostgreSQL writes an array, for a parameter with a cast (`%s::bigint[]`).

    psycopg would ask for the form of each value by itself, which takes many times as long. Text holds no null
    characters here as everywhere: PostgreSQL refuses them. See "Array Input and Output Syntax" in its documentation.
    """
    if set(map(type, column)) == {int}:
        return "{" + ",".join(map(str, column)) + "}"
    forms = {value: _form(value) for value in set(column)}
    return "{" + ",".join(map(forms.__getitem__, column)) + "}"


def _form(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, str):
        # Of a member of an enumeration, str() and format() may give the name.
        text = str.__str__(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
    return str(value)
