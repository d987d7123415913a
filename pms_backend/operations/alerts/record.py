"""What the monitor writes, as soon as the database answers, in a thread of its own: alerts, its heartbeat, figures."""

import threading
from collections.abc import Sequence
from typing import Final

from pms_backend.operations import services as operations
from pms_backend.operations.alerts import services
from pms_backend.operations.alerts.stored import StoredAlerts, stored_alerts
from pms_backend.operations.alerts.tracker import TrackedAlert
from pms_backend.operations.alerts.upkeep import Upkeep
from pms_backend.operations.bounded_reading import BoundedReading
from pms_backend.operations.heartbeats import MONITOR

# Together with the polls: a heartbeat about every two seconds.
WRITE_SECONDS: Final = 1.0
# Enough for an outage of the database in which everything else fails too.
MAX_WAITING: Final = 1_000


class AlertRecord:
    """The rows of alerts, and with them the heartbeat and the upkeep of the monitor."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[TrackedAlert] = []
        self._stored: StoredAlerts | None = None
        self._has_read = False
        self._upkeep = Upkeep()
        self._writing = BoundedReading(self._write, fresh_seconds=WRITE_SECONDS)

    def wait_for_stored(self, seconds: float) -> None:
        """Waits so long for the alerts that were left open."""
        try:
            self._writing.get(seconds)
        except Exception:
            return

    def stored(self) -> StoredAlerts | None:
        """The alerts that were left open, once, as soon as they are read."""
        with self._lock:
            stored, self._stored = self._stored, None
        return stored

    def write(self, alerts: Sequence[TrackedAlert]) -> None:
        """Writes these soon; returns at once. The monitor's heartbeat is written with them."""
        with self._lock:
            self._waiting = [*self._waiting, *alerts][-MAX_WAITING:]
        self._writing.refresh()

    def _write(self) -> None:
        # First, so that nothing else holds it up.
        operations.record_heartbeat(name=MONITOR)
        with self._lock:
            alerts = list(self._waiting)
        services.record_alerts(alerts)
        with self._lock:
            # Others may have come meanwhile; what could not be written stays.
            self._waiting = [alert for alert in self._waiting if not any(alert is written for written in alerts)]
        # After what the monitor before this one has kept is written: of that, the rows may be older.
        if not self._has_read:
            stored = stored_alerts()
            with self._lock:
                self._stored, self._has_read = stored, True
        self._upkeep.run_due()
