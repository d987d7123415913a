"""Which alerts are open, as a pure state machine: what a poll has found opens and resolves them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from pms_backend.operations.alerts.catalogue import KINDS
from pms_backend.operations.models import AlertSeverity

# An alert that comes back within this time was not over.
RESOLVES_AFTER: Final = timedelta(seconds=10)

# The name of an alert, and what it is about; a check is about nothing in particular.
Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong."""

    severity: AlertSeverity
    detail: str


# What was found by the name of the alert: what is wrong by its subject, or None if that is not known at present.
Poll: TypeAlias = Mapping[str, Mapping[str, Finding] | None]


@dataclass(slots=True)
class TrackedAlert:
    """An alert that is pending, open or resolved. `told_at` is when its opening was sent to the channels."""

    key: Key
    finding: Finding
    began_at: datetime
    is_open: bool = False
    away_since: datetime | None = None
    resolved_at: datetime | None = None
    told_at: datetime | None = None


class Tracker:
    """The alerts that are pending or open."""

    def __init__(self) -> None:
        self._alerts: dict[Key, TrackedAlert] = {}

    def take_up(self, alert: TrackedAlert) -> bool:
        """Takes up an alert that a process before this one has left open; False if it has opened here meanwhile."""
        known = self._alerts.get(alert.key)
        if known is not None and known.is_open:
            return False
        self._alerts[alert.key] = alert
        return True

    def open(self) -> list[TrackedAlert]:
        """The alerts that are open."""
        return [alert for alert in self._alerts.values() if alert.is_open]

    def observe(self, poll: Poll, now: datetime) -> list[TrackedAlert]:
        """The alerts that this poll has opened or resolved. Names that were not polled stay as they are."""
        changed = []
        for name, found in poll.items():
            if found is None:
                self._forget_times(name)
                continue
            for subject, finding in found.items():
                changed += self._found((name, subject), finding, now)
            for alert in self._of(name):
                if alert.key[1] not in found:
                    changed += self._missing(alert, now)
        return changed

    def _found(self, key: Key, finding: Finding, now: datetime) -> list[TrackedAlert]:
        alert = self._alerts.setdefault(key, TrackedAlert(key, finding, began_at=now))
        alert.finding, alert.away_since = finding, None
        if alert.is_open or now - alert.began_at < KINDS[key[0]].opens_after:
            return []
        alert.is_open = True
        return [alert]

    def _missing(self, alert: TrackedAlert, now: datetime) -> list[TrackedAlert]:
        if not alert.is_open:
            del self._alerts[alert.key]
            return []
        alert.away_since = alert.away_since or now
        if now - alert.away_since < RESOLVES_AFTER:
            return []
        # The clock may have been set back meanwhile.
        alert.resolved_at = max(alert.away_since, alert.began_at)
        del self._alerts[alert.key]
        return [alert]

    def _forget_times(self, name: str) -> None:
        """What is not known neither opens nor resolves: both begin anew."""
        for alert in self._of(name):
            alert.away_since = None
            if not alert.is_open:
                del self._alerts[alert.key]

    def _of(self, name: str) -> list[TrackedAlert]:
        return [alert for alert in self._alerts.values() if alert.key[0] == name]
