"""Polls the conditions of the business, each as often as it is worth; never waits long for them."""

import logging
import time
from contextlib import suppress
from typing import Final

from django.db import DatabaseError
from django.utils import timezone

from pms_backend.operations.alerts import conditions
from pms_backend.operations.alerts.conditions import Findings
from pms_backend.operations.alerts.server_errors import ServerErrors, count_errors
from pms_backend.operations.bounded_reading import BoundedReading

logger = logging.getLogger(__name__)

CONDITIONS_SECONDS: Final = 10.0
# It compares every level that a PMS has reported.
DIFFERENCES_SECONDS: Final = 60.0
# How long a poll waits; a result that comes later counts in the next one.
WAIT_SECONDS: Final = 0.2

Polled = dict[str, Findings | None]


class PolledConditions:
    """The conditions as they were read last; those that cannot be read at present are left out."""

    def __init__(self) -> None:
        self._reading = BoundedReading(self._read, fresh_seconds=CONDITIONS_SECONDS)
        self._differences: Findings | None = None
        self._differences_at = self._errors_at = float("-inf")
        self._errors = ServerErrors()

    def poll(self) -> Polled:
        """What is wrong, by the name of the alert and its subject."""
        found: Polled = {}
        # Without an answer, what was found before stays: it neither opens nor resolves an alert.
        with suppress(Exception):
            found |= self._reading.get(WAIT_SECONDS)
        now = time.monotonic()
        if now - self._errors_at >= CONDITIONS_SECONDS:
            self._errors_at = now
            found["server_errors"] = self._errors.findings(count_errors(), timezone.now())
        return found

    def _read(self) -> Polled:
        found: Polled = {**conditions.read_conditions()}
        now = time.monotonic()
        if now - self._differences_at >= DIFFERENCES_SECONDS:
            self._differences_at = now
            self._differences = self._read_differences()
        return {**found, "stock_differences": self._differences}

    @staticmethod
    def _read_differences() -> Findings | None:
        try:
            return conditions.read_stock_differences()
        except DatabaseError as error:
            logger.warning("The stock of the PMSs could not be compared with ours: %s", " ".join(str(error).split()))
            return None
