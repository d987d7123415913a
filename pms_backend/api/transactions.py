"""Transactions of services: the outermost one is retried after a deadlock or a serialization failure."""

import functools
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest

from pms_backend import metrics
from pms_backend.api.exceptions import OutcomeUnknown, sqlstate

logger = logging.getLogger(__name__)

SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
# Connection exceptions, and sessions that an operator or a shutdown terminated.
CONNECTION_EXCEPTIONS: Final = ("08", "57P01", "57P02")
MAX_TRIES = 6
FIRST_PAUSE_SECONDS = 0.02

_FIRST_WRITES: Final = "pms.first_writes"

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def retried_atomic(service: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Runs `service` in a transaction; retries it from its start after a deadlock or a serialization failure.

    Inside another transaction it joins that one, and only the outermost is retried.
    """

    @functools.wraps(service)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if connection.in_atomic_block:
            return service(*args, **kwargs)
        for number in range(1, MAX_TRIES):
            try:
                return _run_and_commit(service, *args, **kwargs)
            except DatabaseError as error:
                if not is_retryable(error):
                    raise
                metrics.transaction_retries_total.inc()
                logger.info("%s: attempt %s was aborted: %s", service.__name__, number, error)
                time.sleep(FIRST_PAUSE_SECONDS * 2**number * random.random())  # noqa: S311 - jitter, no secret
        return _run_and_commit(service, *args, **kwargs)

    return wrapped


def _run_and_commit(
    service: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    is_committing = False
    try:
        with transaction.atomic():
            result = service(*args, **kwargs)
            is_committing = True
    except (OperationalError, InterfaceError) as error:
        if is_committing and is_lost(error):
            raise OutcomeUnknown from error
        raise
    return result


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undoes in the end what is written in it, and ends its locks; work for after the commit is dropped too."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Committing:
    """Wraps a statement that runs in autocommit. Raises `OutcomeUnknown` if the connection breaks meanwhile."""

    def __init__(self, database: BaseDatabaseWrapper) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.ensure_connection()

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None or not isinstance(error, OperationalError | InterfaceError):
            return
        if is_lost(error) and not self._database.in_atomic_block:
            raise OutcomeUnknown from error


def is_lost(error: DatabaseError | InterfaceError) -> bool:
    """Whether the connection broke, so that the outcome of the statement is unknown."""
    state = sqlstate(error)
    return not state or state.startswith(CONNECTION_EXCEPTIONS)


def is_retryable(error: DatabaseError) -> bool:
    """Whether PostgreSQL aborted the transaction because of another one: nothing is written, and it may run again."""
    return sqlstate(error) in (SERIALIZATION_FAILURE, DEADLOCK_DETECTED)


def register_first_write(request: HttpRequest, write: Callable[[], object]) -> None:
    """Calls `write` at the start of the request's outermost transaction, before its handler.

    Authentication registers what must be committed with the request's own writes, or not at all. It runs after the
    insert of the idempotency key, at each attempt of the transaction, and for a replayed response too. An exception
    refuses the request, and a refused request rolls it back. Requests of safe methods do not call it.
    """
    request.META.setdefault(_FIRST_WRITES, []).append(write)


def first_writes(request: HttpRequest) -> Sequence[Callable[[], object]]:
    """The functions registered by `register_first_write`, in order."""
    return tuple(request.META.get(_FIRST_WRITES, ()))
