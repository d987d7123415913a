"""The transaction of a service: the outermost one is tried again after a deadlock or a serialization failure."""

import functools
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest

from pms_backend import metrics
from pms_backend.api.exceptions import OutcomeUnknown, sqlstate

logger = logging.getLogger(__name__)

SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
# Connection exceptions, and sessions that an operator or a shutdown ends.
CONNECTION_EXCEPTIONS: Final = ("08", "57P01", "57P02")
MAX_TRIES = 6
FIRST_PAUSE_SECONDS = 0.02

_FIRST_IN_WRITE: Final = "pms.first_in_write"

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def retried_atomic(service: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Runs `service` in a transaction, again from its start when PostgreSQL broke it off for another's sake.

    Within another transaction it joins that one, and the outermost is the one that is tried again.
    """

    @functools.wraps(service)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        if connection.in_atomic_block:
            return service(*args, **kwargs)
        for number in range(1, MAX_TRIES):
            try:
                return _run_and_commit(service, *args, **kwargs)
            except DatabaseError as error:
                if not is_broken_off(error):
                    raise
                metrics.transaction_retries_total.inc()
                logger.info("%s: try %s was broken off: %s", service.__name__, number, error)
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
def committing() -> Iterator[None]:
    """For statements outside of a transaction, each of which commits itself. Raises `OutcomeUnknown`."""
    connection.ensure_connection()
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if is_lost(error) and not connection.in_atomic_block:
            raise OutcomeUnknown from error
        raise


def is_lost(error: DatabaseError | InterfaceError) -> bool:
    """Whether the connection broke, so that there is no answer; any other error is one."""
    state = sqlstate(error)
    return not state or state.startswith(CONNECTION_EXCEPTIONS)


def is_broken_off(error: DatabaseError) -> bool:
    """Whether PostgreSQL broke the transaction off for another's sake: nothing is written, and it may run again."""
    return sqlstate(error) in (SERIALIZATION_FAILURE, DEADLOCK_DETECTED)


def do_first_in_write(request: HttpRequest, write: Callable[[], object]) -> None:
    """Has `write` called at the start of the request's outermost transaction, before its handler.

    Authentication says so of what has to come true with the write, or not at all. It comes after the idempotency row,
    again with every try of the transaction, and for a replayed answer too. What it raises refuses the request; a
    refused request leaves nothing of it. Requests of safe methods do not call it.
    """
    request.META.setdefault(_FIRST_IN_WRITE, []).append(write)


def first_in_write(request: HttpRequest) -> Sequence[Callable[[], object]]:
    """What `do_first_in_write` was told of this request, in that order."""
    return tuple(request.META.get(_FIRST_IN_WRITE, ()))
