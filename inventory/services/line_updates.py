"""Writing the lines of reservations, transfers and stocktakes."""

from collections.abc import Sequence

from django.db import connection

from inventory.models import ReservationLine, StocktakeLine, TransferLine
from pms_backend.api.arrays import as_array


def write_lines(lines: Sequence[ReservationLine | TransferLine | StocktakeLine], *columns: str) -> None:
    """Writes these columns, of whole numbers, as they stand in memory; all lines in one statement."""
    if not lines:
        return
    names = ("id", *columns)
    statement = f"""
        UPDATE {lines[0]._meta.db_table} AS line SET {", ".join(f"{name} = row.{name}" for name in columns)}
        FROM unnest({", ".join(["%s::bigint[]"] * len(names))}) AS row({", ".join(names)}) WHERE line.id = row.id
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [as_array([getattr(line, name) for line in lines]) for name in names])
