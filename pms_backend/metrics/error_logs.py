"""Counts the errors that are logged with a traceback: defects, wherever they happen."""

import logging
from typing import Final

from django.db import DatabaseError, InterfaceError

from pms_backend import metrics
from pms_backend.metrics.layers import Layer, layer_of_traceback

INTERNAL_ERROR: Final = "internal_error"
# They log the cause of a 500, which is counted with its response.
_OF_RESPONSES: Final = frozenset({"pms_backend.api.exceptions", "django.request", "waitress"})


class ErrorCounter(logging.Handler):
    """Counts an unexpected error of background work, a task or a socket as `internal_error` of its layer."""

    def emit(self, record: logging.LogRecord) -> None:
        """Counts the record, if it has a traceback."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or record.name in _OF_RESPONSES:
            return
        is_of_database = isinstance(error, DatabaseError | InterfaceError)
        layer = Layer.MODEL if is_of_database else layer_of_traceback(error.__traceback__)
        metrics.errors_total.labels(layer, INTERNAL_ERROR).inc()
