"""Receives webhooks: once stored, a webhook is accepted, and takes effect once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import transaction
from django.utils import timezone

from pms_backend.access.encryption import decrypt
from pms_backend.api import context
from pms_backend.api.exceptions import NotFound
from pms_backend.api.parsers import InvalidJSON, load_signed_json
from pms_backend.api.prepared_statements import on_one_line, prepared_cursor
from pms_backend.api.storable_text import storable
from pms_backend.api.transactions import Committing
from pms_integration.connectors import connector_of
from pms_integration.connectors.contract import MAX_WEBHOOK_ID_LENGTH, HandshakeResponse
from pms_integration.exceptions import ConnectorMissing, SignatureInvalid
from pms_integration.models import MAX_TYPE_LENGTH, PMSEvent
from pms_integration.services.wake_up import apply_wake_up

# Of how many connections a process remembers what it has read.
MAX_REMEMBERED_CONNECTIONS: Final = 256

_REQUEST_ID: Final = "x-request-id"

# Both statements are prepared. The ORM's take longer to compile and to plan than to run.
_READ: Final = on_one_line(
    """
SELECT id, kind, secret, previous_secret, previous_secret_until, xmin::text || ctid
FROM pms_integration_pmsconnection WHERE slug = %(slug)s AND is_active
"""
)
# `xmin` is the transaction that wrote this version of the row, `ctid` its place: each change makes them others. Without
# the columns of the conflict PostgreSQL would search the index of the primary key too.
_STORE: Final = on_one_line(
    """
INSERT INTO pms_integration_pmsevent (connection_id, webhook_id, type, headers, body)
SELECT id, %(webhook_id)s::text, %(type)s::text, %(headers)s::jsonb, %(body)s::bytea
FROM pms_integration_pmsconnection WHERE slug = %(slug)s AND is_active AND id = %(connection)s
    AND xmin::text || ctid = %(row_version)s
ON CONFLICT (connection_id, webhook_id) DO NOTHING
RETURNING status
"""
)


@dataclass(frozen=True, slots=True)
class _ActiveConnection:
    """What receiving needs of an active connection, at one version of its row."""

    pk: int
    slug: str
    kind: str
    row_version: str
    secret: str = field(repr=False)
    previous_secret: str | None = field(repr=False)
    previous_secret_until: datetime | None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that are valid now: the previous one ends without a change of the row."""
        until = self.previous_secret_until
        if self.previous_secret is None or until is None or timezone.now() >= until:
            return (self.secret,)
        return (self.secret, self.previous_secret)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A webhook that is stored, and its status."""

    webhook_id: str
    status: str
    is_duplicate: bool = False


_remembered: Final[dict[str, _ActiveConnection]] = {}


def receive_webhook(*, slug: str, headers: Mapping[str, str], body: bytes) -> Receipt | HandshakeResponse:
    """Verifies a webhook and stores it with the headers that its connector needs; or answers a handshake.

    The webhook-id becomes the request id, as it is that of the movements and events which come of it, unless the sender
    gives the request another one, which is stored with the headers.

    Raises `NotFound` without an active connection, `SignatureInvalid`, `InvalidJSON` for a verified body that is no
    JSON object, `ConnectorMissing`, and `OutcomeUnknown` if the database goes away meanwhile.

    The process remembers the connection, which saves one of two statements. The other one stores nothing if the
    connection has changed since, so that a replaced secret and a deactivated connection are refused at once. What is
    not stored is decided by the connection as it is now.
    """
    connection = _remembered.get(slug) or _read(slug)
    while True:
        outcome = _attempt(connection, headers, body)
        if isinstance(outcome, Receipt):
            return outcome
        if (current := _read(slug)) == connection:
            break
        connection = current
    if isinstance(outcome, Exception):
        raise outcome
    return _duplicate(connection, outcome) if isinstance(outcome, str) else outcome


def is_connected(slug: str) -> bool:
    """Whether there is an active connection, as far as this process remembers."""
    try:
        return bool(_remembered.get(slug) or _read(slug))
    except NotFound:
        return False


def _read(slug: str) -> _ActiveConnection:
    with prepared_cursor() as cursor:
        cursor.execute(_READ, {"slug": slug})
        row = cursor.fetchone()
    if row is None:
        _remembered.pop(slug, None)
        raise NotFound(f"There is no connection {slug}.")
    pk, kind, secret, previous, until, row_version = row
    connection = _ActiveConnection(
        pk, slug, kind, row_version, decrypt(secret), decrypt(previous) if previous else None, until
    )
    if len(_remembered) >= MAX_REMEMBERED_CONNECTIONS:
        _remembered.clear()
    _remembered[slug] = connection
    return connection


def _attempt(
    connection: _ActiveConnection, headers: Mapping[str, str], body: bytes
) -> Receipt | HandshakeResponse | ConnectorMissing | SignatureInvalid | InvalidJSON | str:
    """The outcome by this version of the connection; the webhook-id for a duplicate, and for an outdated version."""
    try:
        connector = connector_of(connection.kind)
        if (answer := connector.handshake(headers, body)) is not None:
            return answer
        webhook_id = _require_id(connector.verify(headers, body, connection.secrets))
        type_ = connector.type_of(headers, parse_object(body))
    except (ConnectorMissing, SignatureInvalid, InvalidJSON) as error:
        return error
    stored_headers = {name: storable(headers[name]) for name in connector.stored_headers if name in headers}
    if _REQUEST_ID in headers:
        # The sender's own name of the request, by which the log has it.
        stored_headers[_REQUEST_ID] = context.current().request_id
    else:
        context.set_request_id(webhook_id)
    values = {
        "slug": connection.slug,
        "connection": connection.pk,
        "row_version": connection.row_version,
        "webhook_id": webhook_id,
        "type": storable(type_[:MAX_TYPE_LENGTH]),
        "headers": orjson.dumps(stored_headers).decode(),
        "body": body,
    }
    database = transaction.get_connection()
    with Committing(database), prepared_cursor() as cursor:
        cursor.execute(_STORE, values)
        rows = cursor.fetchall()
    if not rows:
        return webhook_id
    if database.in_atomic_block:
        transaction.on_commit(apply_wake_up.send_soon)
    else:
        apply_wake_up.send_soon()
    return Receipt(webhook_id, status=rows[0][0])


def _require_id(webhook_id: str) -> str:
    """The id, if it can be stored. Raises `SignatureInvalid`."""
    if not 1 <= len(webhook_id) <= MAX_WEBHOOK_ID_LENGTH or not webhook_id.isprintable():
        raise SignatureInvalid("The webhook has no id, or one that cannot be stored.")
    return webhook_id


def _duplicate(connection: _ActiveConnection, webhook_id: str) -> Receipt:
    event = PMSEvent.objects.only("status").get(connection_id=connection.pk, webhook_id=webhook_id)
    return Receipt(webhook_id, event.status, is_duplicate=True)


def parse_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises `InvalidJSON`."""
    message = load_signed_json(body)
    if not isinstance(message, dict):
        raise InvalidJSON("is no JSON object")
    return message
