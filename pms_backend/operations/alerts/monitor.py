"""The loop of the program `monitor`: polls the checks and the conditions, opens and resolves alerts, tells them.

It needs neither Celery nor Redis nor PostgreSQL: what hangs is read and written in threads of their own.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.utils import timezone

from pms_backend.operations import health
from pms_backend.operations.alerts.conditions import CONDITIONS
from pms_backend.operations.alerts.digest import Digest
from pms_backend.operations.alerts.kept import read_kept, write_kept
from pms_backend.operations.alerts.polling import PolledConditions
from pms_backend.operations.alerts.record import AlertRecord
from pms_backend.operations.alerts.sending import Sender
from pms_backend.operations.alerts.tracker import Finding, TrackedAlert, Tracker
from pms_backend.operations.models import AlertSeverity

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.5
# How long the first poll waits for the alerts that are open already.
TAKE_UP_SECONDS: Final = 5.0
# While a stack starts, its programs are not there yet: until then, a check counts only once it has not failed.
STARTS_FOR: Final = timedelta(seconds=60)


class Monitor:
    """What is wrong, told by these senders. `poll` is called every 1 to 2 seconds."""

    def __init__(self, senders: Sequence[Sender]) -> None:
        self._senders = senders
        self._tracker, self._digest = Tracker(), Digest()
        self._conditions, self._record = PolledConditions(), AlertRecord()
        self._started_at = timezone.now()
        self._have_worked: set[str] = set()
        self._has_read_stored = False
        kept = read_kept()
        for alert in kept:
            self._go_on_with(alert)
        self._record.write([replace(alert) for alert in kept])

    def run(self, stop: threading.Event) -> None:
        """Polls until it is stopped."""
        self._record.wait_for_stored(TAKE_UP_SECONDS)
        while not stop.is_set():
            try:
                self.poll()
            except Exception:
                logger.exception("A poll of the monitor has failed")
            stop.wait(POLL_SECONDS)
        for sender in self._senders:
            sender.stop()

    def poll(self) -> None:
        """Looks once, and tells what has changed."""
        has_taken_up = self._take_up()
        # Conditions do not wait to open: those that are open already must be known.
        conditions = self._conditions.poll() if self._has_read_stored else {}
        found = {**self._checks(health.run_checks()), **conditions}
        now = timezone.now()
        changed = self._tracker.observe(found, now)
        for alert in changed:
            self._digest.add(alert, now)
        if message := self._digest.due(now):
            for sender in self._senders:
                sender.put(message)
            changed += [opening.alert for opening in message.openings]
        if changed or message or has_taken_up:
            write_kept([*self._tracker.open(), *self._digest.untold_ends()])
        self._record.write([replace(alert) for alert in changed])

    def _checks(self, results: Mapping[str, health.CheckResult]) -> dict[str, dict[str, Finding] | None]:
        self._have_worked |= {name for name, result in results.items() if result.status in (health.OK, health.DEGRADED)}
        is_starting = timezone.now() - self._started_at < STARTS_FOR
        return {
            name: None if is_starting and name not in self._have_worked else _findings(result)
            for name, result in results.items()
            # What is a condition too is told by its subject.
            if name not in CONDITIONS
        }

    def _take_up(self) -> bool:
        """Goes on with the alerts in the database, once; False if there is nothing to go on with."""
        stored = self._record.stored()
        if stored is None:
            return False
        self._has_read_stored = True
        self._digest.take_up(stored.told)
        for alert in stored.open:
            self._go_on_with(alert)
        return bool(stored.open)

    def _go_on_with(self, alert: TrackedAlert) -> None:
        """Takes over an alert of the monitor before this one, and tells it, or its end, if that one has not."""
        if alert.resolved_at is not None or (self._tracker.take_up(alert) and alert.told_at is None):
            self._digest.add(alert, timezone.now())


def _findings(result: health.CheckResult) -> dict[str, Finding] | None:
    if result.status == health.UNKNOWN:
        return None
    if result.status == health.OK:
        return {}
    severity = AlertSeverity.CRITICAL if result.status == health.FAILED else AlertSeverity.WARNING
    return {"": Finding(severity, result.detail)}
