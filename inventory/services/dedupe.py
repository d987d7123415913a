"""The natural key of a movement, (level, reference, reason), which acts once for callers that ask for `dedupe`.

It is looked up while the level is locked; the constraint `inventory_movement_acts_once` guards it too. A reversal has
the reference of what it reverses, but has not acted under it.
"""

from collections.abc import Collection
from typing import Final

from django.db import connection

from inventory.models import StockMovement
from pms_backend.api.arrays import as_array

NaturalKey = tuple[int, str, str]
# The delta of the first movement of each natural key.
Acted = dict[NaturalKey, int]


_FIRST_DELTAS: Final = """
SELECT DISTINCT ON (movement.level_id, movement.reference, movement.reason)
    movement.level_id, movement.reference, movement.reason, movement.delta
FROM (SELECT DISTINCT * FROM unnest(%s::bigint[], %s::text[], %s::text[])) AS wanted(level_id, reference, reason)
JOIN inventory_stockmovement AS movement
    ON movement.level_id = wanted.level_id AND movement.reference = wanted.reference AND movement.reference <> ''
    AND movement.reason = wanted.reason AND movement.reverses_id IS NULL
ORDER BY movement.level_id, movement.reference, movement.reason, movement.level_version
"""


def first_movement(*, level_id: int, reference: str, reason: str) -> StockMovement | None:
    """The first movement of this natural key, read with its level."""
    movements = StockMovement.objects.as_shown().filter(reverses=None).exclude(reference="")
    return movements.filter(level_id=level_id, reference=reference, reason=reason).order_by("level_version").first()


def first_deltas(keys: Collection[NaturalKey]) -> Acted:
    """The first deltas of those of the natural keys that have acted."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_DELTAS, [as_array(column) for column in zip(*keys, strict=True)])
        return {(level_id, reference, reason): delta for level_id, reference, reason, delta in cursor.fetchall()}
