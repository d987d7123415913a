"""What the PMS says about pushes of ours: that it has applied them, and when by its clock."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection as database

from inventory.services.levels import Key
from pms_backend.api.arrays import as_array
from pms_integration.models import PMSConnection

_FIND: Final = """
SELECT push.id, push.idempotency_key::text, level.variant_id, level.location_id, push.delta, push.occurred_at,
    push.acknowledged_at, push.movement_id IS NOT NULL, coalesce(mapped.owns_stock, false)
FROM pms_integration_pmsstockpush AS push
JOIN inventory_stocklevel AS level ON level.id = push.level_id
LEFT JOIN pms_integration_pmslocation AS mapped
    ON mapped.connection_id = push.connection_id AND mapped.location_id = level.location_id
WHERE push.connection_id = %s AND push.idempotency_key = ANY (%s::uuid[])
ORDER BY push.id
"""
_LOCKED: Final = "FOR NO KEY UPDATE OF push"
_STORE: Final = """
UPDATE pms_integration_pmsstockpush AS push
SET status = 'acknowledged', acknowledged_at = applied.moment, error = ''
FROM unnest(%s::bigint[], %s::timestamptz[]) AS applied(id, moment)
WHERE push.id = applied.id AND push.acknowledged_at IS NULL
"""


@dataclass(slots=True)
class OwnPush:
    """A push, its level, and the moment of its acknowledgement, which is set in memory before it is stored."""

    id: int
    key: str
    variant_id: int
    location_id: int
    delta: int
    occurred_at: datetime
    acknowledged_at: datetime | None
    is_movement: bool
    is_owned: bool

    @property
    def level(self) -> Key:
        """The variant and the location."""
        return self.variant_id, self.location_id


def own_pushes(pms: PMSConnection, keys: Iterable[str], *, lock: bool = False) -> dict[str, OwnPush]:
    """The pushes of the connection with these keys, by them; other keys are not ours. Locked in order on demand."""
    ours = sorted(filter(_is_uuid, keys))
    if not ours:
        return {}
    with database.cursor() as cursor:
        cursor.execute(_FIND + _LOCKED if lock else _FIND, [pms.pk, as_array(ours)])
        pushes = [OwnPush(*row) for row in cursor.fetchall()]
    return {push.key: push for push in pushes}


def store(pushes: Iterable[OwnPush]) -> None:
    """Stores the acknowledgements of locked pushes."""
    applied = [(push.id, push.acknowledged_at) for push in pushes if push.acknowledged_at is not None]
    if applied:
        with database.cursor() as cursor:
            cursor.execute(_STORE, [as_array(column) for column in zip(*applied, strict=True)])


def _is_uuid(key: str) -> bool:
    try:
        return str(uuid.UUID(key)) == key
    except ValueError:
        return False
