"""The writes of the API itself: keys of idempotent requests."""

from typing import Final

from django.db import OperationalError, connection, transaction

from pms_backend.api.exceptions import sqlstate
from pms_backend.api.idempotency import KEPT_HOURS, Answer, Claim, IdempotencyInProgress, IdempotencyKeyReused
from pms_backend.api.models import IdempotencyKey

LOCK_NOT_AVAILABLE: Final = "55P03"
# How long a duplicate waits for the first request.
WAIT_SECONDS = 5.0
PRUNED_AT_ONCE = 2_000


def claim_key(*, claim: Claim) -> Answer | None:
    """Takes the key for this transaction; returns the answer that it has, if another request took effect with it.

    Waits for another transaction that has it, up to `WAIT_SECONDS`; if that one is refused, the key is free. The first
    statement of the transaction, since the row is the first in the order of locks.
    Raises `IdempotencyInProgress`, `IdempotencyKeyReused`.
    """
    if _insert(claim):
        return None
    row = IdempotencyKey.objects.get(digest=claim.digest)
    if bytes(row.fingerprint) != claim.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key has been used with another body.")
    if row.status is None or row.body is None:
        raise RuntimeError("A key was committed without its answer.")
    return Answer(row.status, row.headers, bytes(row.body))


def store_answer(*, claim: Claim, answer: Answer) -> None:
    """Keeps the answer of a claimed key; in the transaction that claimed it."""
    IdempotencyKey.objects.filter(digest=claim.digest).update(
        status=answer.status, headers=dict(answer.headers), body=answer.body
    )


def prune_idempotency_keys() -> int:
    """Removes the keys whose time is over, a batch a transaction; returns how many those were."""
    total = 0
    while count := _prune_batch():
        total += count
    return total


def _insert(claim: Claim) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{round(WAIT_SECONDS * 1000)}ms"])
        try:
            cursor.execute(_INSERT, {"digest": claim.digest, "fingerprint": claim.fingerprint, "hours": KEPT_HOURS})
        except OperationalError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            raise IdempotencyInProgress("The first request with this Idempotency-Key has not ended yet.") from None
        is_first = cursor.fetchone() is not None
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    return is_first


# What is too old counts as not there, pruned or not.
_INSERT: Final = """
INSERT INTO api_idempotencykey AS held (digest, fingerprint, created_at) VALUES (%(digest)s, %(fingerprint)s, now())
ON CONFLICT (digest) DO UPDATE
SET fingerprint = EXCLUDED.fingerprint, created_at = EXCLUDED.created_at, status = NULL, headers = '{}', body = NULL
WHERE held.created_at < now() - make_interval(hours => %(hours)s)
RETURNING 1
"""


@transaction.atomic
def _prune_batch() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE, [KEPT_HOURS, PRUNED_AT_ONCE])
        return int(cursor.rowcount)


# A row that is being taken over is left to whoever does.
_PRUNE: Final = """
DELETE FROM api_idempotencykey WHERE digest = ANY (ARRAY(
    SELECT digest FROM api_idempotencykey WHERE created_at < now() - make_interval(hours => %s)
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
