"""The writes of the API itself: the keys of idempotent requests."""

from collections.abc import Callable
from typing import Final, TypeVar

from django.db import OperationalError, connection, transaction

from pms_backend.api import batches
from pms_backend.api.exceptions import sqlstate
from pms_backend.api.idempotency import (
    STORED_HOURS,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    IdempotentRequest,
    StoredResponse,
)
from pms_backend.api.models import IdempotencyKey
from pms_backend.api.transactions import retried_atomic

Result = TypeVar("Result")

LOCK_NOT_AVAILABLE: Final = "55P03"
# How long a duplicate waits for the first request.
WAIT_SECONDS = 5.0


def begin_idempotent_request(*, request: IdempotentRequest) -> StoredResponse | None:
    """Inserts the row of the key; returns the stored response if a request with this key succeeded before.

    Waits up to `WAIT_SECONDS` for another open transaction that inserted the key; if that one rolls back, the key is
    free. Must be the first statement of the transaction, since its row is the first in the order of locks.
    Raises `IdempotencyInProgress`, `IdempotencyKeyReused`.
    """
    if _insert(request):
        return None
    row = IdempotencyKey.objects.get(digest=request.digest)
    if bytes(row.fingerprint) != request.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key has been used with another body.")
    if row.status is None or row.body is None:
        raise RuntimeError("A key was committed without its response.")
    return StoredResponse(row.status, row.headers, bytes(row.body))


def store_response(*, request: IdempotentRequest, response: StoredResponse) -> None:
    """Stores the response of a request, in the transaction that inserted its key."""
    IdempotencyKey.objects.filter(digest=request.digest).update(
        status=response.status, headers=dict(response.headers), body=response.body
    )


@retried_atomic
def act_once(*, key: bytes, act: Callable[[], Result]) -> Result | None:
    """Returns what `act` returns; None if it has succeeded under this key of 32 bytes before.

    Where `act` raises, nothing is written and the key stays free. Raises `IdempotencyInProgress`.
    """
    request = IdempotentRequest(digest=key, fingerprint=key)
    if begin_idempotent_request(request=request) is not None:
        return None
    result = act()
    store_response(request=request, response=StoredResponse(204, {}, b""))
    return result


def prune_idempotency_keys() -> int:
    """Removes the keys whose time is over, a batch a transaction; returns how many those were."""
    return batches.prune(_prune_batch)


def _insert(request: IdempotentRequest) -> bool:
    """Whether the key was inserted, so that this request is the first with it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{round(WAIT_SECONDS * 1000)}ms"])
        try:
            cursor.execute(
                _INSERT, {"digest": request.digest, "fingerprint": request.fingerprint, "hours": STORED_HOURS}
            )
        except OperationalError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            raise IdempotencyInProgress("The first request with this Idempotency-Key has not ended yet.") from None
        is_first = cursor.fetchone() is not None
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    return is_first


# A row that is too old is overwritten, as if it had been pruned already.
_INSERT: Final = """
INSERT INTO api_idempotencykey AS stored (digest, fingerprint, created_at) VALUES (%(digest)s, %(fingerprint)s, now())
ON CONFLICT (digest) DO UPDATE
SET fingerprint = EXCLUDED.fingerprint, created_at = EXCLUDED.created_at, status = NULL, headers = '{}', body = NULL
WHERE stored.created_at < now() - make_interval(hours => %(hours)s)
RETURNING 1
"""


@transaction.atomic
def _prune_batch() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE, [STORED_HOURS, batches.PRUNE_BATCH_SIZE])
        return int(cursor.rowcount)


# A locked row is skipped: a request with the same key is overwriting it.
_PRUNE: Final = """
DELETE FROM api_idempotencykey WHERE digest = ANY (ARRAY(
    SELECT digest FROM api_idempotencykey WHERE created_at < now() - make_interval(hours => %s)
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
