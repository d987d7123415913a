"""Stores verified webhooks: from then on they are accepted, and take effect once."""

from collections.abc import Mapping
from typing import Final

import orjson
from django.db import connection as database

from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import committing
from pms_integration.models import MAX_TYPE_LENGTH, PMSConnection, PMSEvent
from pms_integration.services.wake_up import apply_wake_up

_RECEIVE: Final = """
INSERT INTO pms_integration_pmsevent (connection_id, webhook_id, type, headers, body)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
RETURNING status
"""


def receive_event(
    *,
    connection: PMSConnection,
    webhook_id: str,
    type: str,  # noqa: A002 - the field's name
    body: bytes,
    headers: Mapping[str, str] | None = None,
) -> tuple[str, bool]:
    """Stores a verified webhook with the headers that its connector needs; returns its status and whether it was known.

    Raises `OutcomeUnknown` if the database goes away meanwhile.
    """
    stored = orjson.dumps({name: storable(value) for name, value in (headers or {}).items()}).decode()
    with committing(), database.cursor() as cursor:
        cursor.execute(_RECEIVE, [connection.pk, webhook_id, storable(type[:MAX_TYPE_LENGTH]), stored, body])
        row = cursor.fetchone()
    if row is None:
        known = PMSEvent.objects.values_list("status", flat=True)
        return known.get(connection=connection, webhook_id=webhook_id), True
    apply_wake_up.send_after_commit()
    return row[0], False
