"""Counts the errors that are logged with a traceback: defects, wherever they happen."""

import logging
from collections.abc import Mapping
from typing import Final

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pms_backend import metrics
from pms_backend.metrics.layers import Layer, layer_of_traceback, module_of_traceback

INTERNAL_ERROR: Final = "internal_error"
# What raises these does not answer at present, or has refused because of its state: no defect of the code.
_OUTAGES: Final[Mapping[str, tuple[type[Exception], ...]]] = {
    "database_unavailable": (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError),
    "redis_unavailable": (RedisConnectionError, RedisTimeoutError, BrokerError),
}
# They log the cause of a 500, which is counted with its response.
OF_RESPONSES: Final = frozenset({"pms_backend.api.exceptions", "django.request", "waitress"})


def outage_of(error: BaseException) -> str:
    """The code of the outage that an error, or what it was raised from, tells of; empty if it is a defect."""
    cause: BaseException | None = error
    while cause is not None:
        for code, kinds in _OUTAGES.items():
            if isinstance(cause, kinds):
                return code
        # Code of ours that fails while it handles an outage has a defect. A library that does, such as Celery where its
        # worker loses Redis, tells of the outage.
        is_of_library = not module_of_traceback(cause.__traceback__)
        cause = cause.__cause__ or (cause.__context__ if is_of_library else None)
    return ""


class ErrorCounter(logging.Handler):
    """Counts an unexpected error of background work, a task or a socket as `internal_error` of its layer.

    One of an outage has a code of its own, because it is no defect.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Counts the record, if it has a traceback."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or record.name in OF_RESPONSES:
            return
        is_of_database = isinstance(error, DatabaseError | InterfaceError)
        layer = Layer.MODEL if is_of_database else layer_of_traceback(error.__traceback__)
        metrics.errors_total.labels(layer, outage_of(error) or INTERNAL_ERROR).inc()
