"""Leases of product pushes: one worker at a time has one of a connection, so that a PMS that hangs takes one thread."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from pms_backend.api.arrays import as_array
from pms_backend.api.transactions import retried_atomic
from pms_integration.models import PMSProduct, PMSProductPush
from pms_integration.services.product_pushes.recording import product_kinds

# Two calls, of 15 s each with a wait for the rate budget, and the transactions.
LEASE_SECONDS: Final = 60.0
# Of pg_advisory locks: one worker leases at a time.
LOCK_CLASS: Final = 7_305_019

_LEASE: Final = """
UPDATE pms_integration_pmsproductpush AS leased
SET leased_until = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE leased.id = (
    SELECT push.id FROM pms_integration_pmsproductpush AS push
    JOIN pms_integration_pmsproduct AS link ON link.id = push.pms_product_id
    JOIN pms_integration_pmsconnection AS pms ON pms.id = link.connection_id
    WHERE push.due_at <= statement_timestamp() AND coalesce(push.leased_until, '-infinity') <= statement_timestamp()
        AND pms.is_active AND NOT pms.is_paused AND pms.base_url IS NOT NULL AND pms.kind = ANY (%(kinds)s::text[])
        AND coalesce(pms.next_try_at, '-infinity') <= statement_timestamp()
        AND NOT EXISTS (
            SELECT FROM pms_integration_pmsproductpush AS other
            JOIN pms_integration_pmsproduct AS busy ON busy.id = other.pms_product_id
            WHERE busy.connection_id = pms.id AND other.leased_until > statement_timestamp())
    ORDER BY push.due_at, push.id LIMIT 1
    FOR NO KEY UPDATE OF push SKIP LOCKED)
RETURNING leased.id, leased.leased_until
"""
_PUT_OFF: Final = """
UPDATE pms_integration_pmsproductpush SET due_at = clock_timestamp() + %(pause)s * interval '1 second'
WHERE id IN (
    SELECT push.id FROM pms_integration_pmsproductpush AS push
    JOIN pms_integration_pmsproduct AS link ON link.id = push.pms_product_id
    WHERE link.connection_id = %(connection)s AND push.due_at <= clock_timestamp()
    ORDER BY push.id FOR NO KEY UPDATE OF push)
"""


class LeaseLost(Exception):
    """Another worker has leased the push, or it is gone."""


@dataclass(frozen=True, slots=True)
class PushLease:
    """The right to send a push."""

    push_id: int
    leased_until: datetime


@transaction.atomic
def lease_push() -> PushLease | None:
    """Leases the next due push; None if none is due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_CLASS])
        cursor.execute(_LEASE, {"seconds": LEASE_SECONDS, "kinds": as_array(product_kinds())})
        row = cursor.fetchone()
    return PushLease(*row) if row else None


def lock_product(lease: PushLease) -> PMSProduct:
    """The product of a leased push, locked, with its connection. Raises `LeaseLost`."""
    links = PMSProduct.objects.select_related("connection").select_for_update(of=("self",), no_key=True)
    held = links.filter(push__pk=lease.push_id, push__leased_until=lease.leased_until)
    # A report may have moved the push to another row while this one was waited for.
    row = held.first() or held.all().first()
    if row is None:
        raise LeaseLost
    return row


def lock_push(lease: PushLease) -> PMSProductPush:
    """The leased push itself, which is locked after the product. Raises `LeaseLost`."""
    held = PMSProductPush.objects.filter(pk=lease.push_id, leased_until=lease.leased_until)
    push = held.select_for_update(no_key=True).first()
    if push is None:
        raise LeaseLost
    return push


@retried_atomic
def put_off(*, connection_id: int, pause: timedelta) -> None:
    """Lets all due pushes of a connection wait; no failure is counted."""
    with connection.cursor() as cursor:
        cursor.execute(_PUT_OFF, {"connection": connection_id, "pause": pause.total_seconds()})
