"""Tickets: each opens one socket, within seconds, in the name of whoever asked for it.

They are rows, not keys in Redis, so that sockets can be opened without Redis; taking one away is one statement, so that
of two who come with it one is let in.
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
    """What its owner gets."""

    ticket: str
    expires_at: datetime


def issue_ticket(*, caller: Caller) -> Ticket:
    """A new ticket of this caller; by the database's clock, as is its end."""
    ticket = secrets.token_urlsafe(32)
    with connection.cursor() as cursor:
        cursor.execute(_ISSUE, [_digest(ticket), _stored(caller), TICKET_SECONDS])
        (expires_at,) = cursor.fetchone()
    return Ticket(ticket, expires_at)


def redeem_ticket(*, ticket: str) -> Caller | None:
    """Uses a ticket up; nobody where it was used before, is too old, or never was one."""
    if len(ticket) > MAX_TICKET_LENGTH or not ticket.isascii():
        return None
    with connection.cursor() as cursor:
        cursor.execute(_REDEEM, [_digest(ticket)])
        row = cursor.fetchone()
    return None if row is None or not row[1] else _restored(orjson.loads(row[0]))


def prune_tickets() -> int:
    """Forgets tickets that are too old; returns how many."""
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


def _stored(caller: Caller) -> str:
    return orjson.dumps({**asdict(caller), "scopes": sorted(caller.scopes)}).decode()


def _restored(stored: dict[str, Any]) -> Caller:
    expires_at, credential = stored["expires_at"], stored["credential"]
    known = {
        "scopes": frozenset(stored["scopes"]),
        "expires_at": datetime.fromisoformat(expires_at) if expires_at else None,
        "credential": Credential(**credential) if credential else None,
    }
    return Caller(**{**stored, **known})
