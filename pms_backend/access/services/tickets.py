"""Tickets: each opens one socket, within seconds, for the caller that requested it.

They are rows, not keys in Redis, so that sockets open without Redis. One statement redeems a ticket, so that of two
simultaneous uses one succeeds.
"""

import hashlib
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import connection
from django.db.models.functions import Now

from pms_backend.access.caller import Caller, Credential
from pms_backend.access.models import SocketTicket

TICKET_SECONDS: Final = 30
MAX_TICKET_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class Ticket:
    """A new ticket and its expiry."""

    ticket: str
    expires_at: datetime


def issue_ticket(*, caller: Caller) -> Ticket:
    """Stores a new ticket of this caller; it expires by the database's clock."""
    ticket = secrets.token_urlsafe(32)
    with connection.cursor() as cursor:
        cursor.execute(_ISSUE, [_digest(ticket), _serialized(caller), TICKET_SECONDS])
        (expires_at,) = cursor.fetchone()
    return Ticket(ticket, expires_at)


def redeem_ticket(*, ticket: str) -> Caller | None:
    """Deletes the ticket and returns its caller; None where it was used, has expired or does not exist."""
    if len(ticket) > MAX_TICKET_LENGTH or not ticket.isascii():
        return None
    with connection.cursor() as cursor:
        cursor.execute(_REDEEM, [_digest(ticket)])
        row = cursor.fetchone()
    return None if row is None or not row[1] else _deserialized(orjson.loads(row[0]))


def prune_tickets() -> int:
    """Deletes expired tickets; returns how many."""
    count, _ = SocketTicket.objects.filter(expires_at__lt=Now()).delete()
    return count


_ISSUE: Final = """
INSERT INTO access_socketticket (digest, caller, expires_at)
VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s)) RETURNING expires_at
"""
_REDEEM: Final = """
DELETE FROM access_socketticket WHERE digest = %s RETURNING caller::text, expires_at > clock_timestamp()
"""


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()


def _serialized(caller: Caller) -> str:
    return orjson.dumps({**asdict(caller), "scopes": sorted(caller.scopes)}).decode()


def _deserialized(stored: dict[str, Any]) -> Caller:
    expires_at, credential = stored["expires_at"], stored["credential"]
    known = {
        "scopes": frozenset(stored["scopes"]),
        "expires_at": datetime.fromisoformat(expires_at) if expires_at else None,
        "credential": Credential(**credential) if credential else None,
    }
    return Caller(**{**stored, **known})
