"""Records which movements a PMS has to be told."""

from collections.abc import Sequence
from typing import Final

from django.db import connection, transaction

from pms_backend.api.arrays import as_array
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.outgoing import OutgoingConnector
from pms_integration.models import PMSConnection
from pms_integration.services.stock_pushes.openings import changes_a_level
from pms_integration.services.stock_pushes.wake_up import push_wake_up

# Towards a connection, every movement that did not come from it is ours. The one that opened a level is not pushed.
# What happens while a connection is not active is pushed when it is.
_RECORD: Final = f"""
INSERT INTO pms_integration_pmsstockpush
    (connection_id, level_id, movement_id, delta, reason, reference, occurred_at, status)
SELECT mapped.connection_id, movement.level_id, movement.id, movement.delta, movement.reason, movement.reference,
    movement.occurred_at, 'pending'
FROM inventory_stockmovement AS movement
JOIN inventory_stocklevel AS level ON level.id = movement.level_id
JOIN pms_integration_pmslocation AS mapped ON mapped.location_id = level.location_id
JOIN pms_integration_pmsconnection AS pms ON pms.id = mapped.connection_id
WHERE movement.id = ANY (%s::bigint[]) AND pms.base_url IS NOT NULL AND pms.kind = ANY (%s::text[])
    AND NOT starts_with(movement.source, pms.slug || ':')
    AND {changes_a_level("movement", "mapped.connection_id")}
ORDER BY movement.id
ON CONFLICT (movement_id, connection_id) DO NOTHING
"""


def pushing_kinds() -> list[str]:
    """The kinds of PMS that take relative changes under a key."""
    return sorted(
        kind
        for kind, connector in CONNECTORS.items()
        if isinstance(connector, OutgoingConnector) and connector.capabilities.stock_write == "relative_with_key"
    )


def is_pushed_to(pms: PMSConnection) -> bool:
    """Whether our movements at the connection's locations are told to its PMS."""
    return pms.base_url is not None and pms.kind in pushing_kinds()


def record_pushes(movement_ids: Sequence[int]) -> None:
    """Records a push of each movement for each PMS that has to be told; called again, it changes nothing."""
    if not movement_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [as_array(movement_ids), as_array(pushing_kinds())])
        if cursor.rowcount:
            transaction.on_commit(push_wake_up.send, robust=True)
