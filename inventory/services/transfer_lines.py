"""How far the lines of a transfer are, written at once."""

from collections.abc import Sequence
from typing import Final

from django.db import connection

from inventory.models import TransferLine
from pms_backend.api.arrays import as_array

_WRITE_LINES: Final = """
UPDATE inventory_transferline AS line
SET target_level_id = row.target_level_id, in_transit = row.in_transit, received = row.received, lost = row.lost
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS row(id, target_level_id, in_transit, received, lost)
WHERE line.id = row.id
"""


def write_lines(lines: Sequence[TransferLine]) -> None:
    """Writes how far the lines of a locked transfer are, in one statement."""
    columns = zip(
        *((line.pk, line.target_level_id, line.in_transit, line.received, line.lost) for line in lines), strict=True
    )
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_LINES, [as_array(column) for column in columns])
