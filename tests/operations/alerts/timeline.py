"""Polls at given seconds, for the state machines."""

from datetime import UTC, datetime, timedelta
from typing import Final

from pms_backend.operations.alerts.digest import Digest, Message
from pms_backend.operations.alerts.tracker import Finding, Poll, TrackedAlert, Tracker
from pms_backend.operations.models import AlertSeverity

BEGAN: Final = datetime(2026, 11, 29, 14, 0, tzinfo=UTC)
DOWN: Final = Finding(AlertSeverity.CRITICAL, "it does not answer")


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def failing(name: str, *subjects: str) -> Poll:
    return {name: dict.fromkeys(subjects or ("",), DOWN)}


def fine(name: str) -> Poll:
    return {name: {}}


def unknown(name: str) -> Poll:
    return {name: None}


def opened(tracker: Tracker, name: str, seconds: float) -> TrackedAlert:
    """An alert of a check that opens at this moment."""
    assert tracker.observe(failing(name), at(seconds - 2)) == []
    (alert,) = tracker.observe(failing(name), at(seconds))
    return alert


class Timeline:
    """Both state machines, polled every 2 s: what is told, by the second at which it is."""

    def __init__(self) -> None:
        self.tracker, self.digest = Tracker(), Digest()
        self.told: list[tuple[float, Message]] = []
        self.seconds = 0.0

    def run(self, poll: Poll, until: float) -> None:
        """Finds the same in each poll until then."""
        while self.seconds < until:
            self.seconds += 2
            now = at(self.seconds)
            for alert in self.tracker.observe(poll, now):
                self.digest.add(alert, now)
            if message := self.digest.due(now):
                self.told.append((self.seconds, message))

    def lines(self) -> list[tuple[float, list[str], list[str]]]:
        """Of each message: its second, what has opened (with how often it came back), what is over."""
        return [
            (
                seconds,
                [f"{o.alert.key[0]}{f' x{o.repeated}' if o.repeated else ''}" for o in message.openings],
                [alert.key[0] for alert in message.resolved],
            )
            for seconds, message in self.told
        ]
