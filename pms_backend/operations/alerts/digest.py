"""Which alerts are told, and when, as a pure state machine: grouped, without repetitions, and not too often."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from pms_backend.operations.alerts.tracker import Key, TrackedAlert

# What opens or is resolved within this time is one message.
GROUPED_FOR: Final = timedelta(seconds=3)
# An alert that comes and goes is told so often within this time; what was left out is told after it.
TOLD_AT_MOST: Final = 3
QUIET_FOR: Final = timedelta(minutes=10)
# Each message is read by a person, perhaps at night. Above this number alerts wait.
MESSAGES_AN_HOUR: Final = 20
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert that is told; one that came back while it was quiet, with the times that it has."""

    alert: TrackedAlert
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once. After one with `silent_until`, nothing is sent until then, and then what is still open."""

    openings: list[Opening] = field(default_factory=list)
    resolved: list[TrackedAlert] = field(default_factory=list)
    silent_until: datetime | None = None


class Digest:
    """Collects what has opened and what is resolved."""

    def __init__(self) -> None:
        self._told: defaultdict[Key, deque[datetime]] = defaultdict(partial(deque, maxlen=TOLD_AT_MOST))
        self._openings: list[Opening] = []
        self._resolved: list[TrackedAlert] = []
        # Those that opened again while they were quiet: the last alert of each, and how many.
        self._repeated: dict[Key, Opening] = {}
        self._waits_since: datetime | None = None
        self._sent: deque[datetime] = deque()

    def take_up(self, told: Mapping[Key, Sequence[datetime]]) -> None:
        """Takes up when each alert was told lately by a process before this one."""
        for key, moments in told.items():
            known = self._told[key]
            known.extendleft([moment for moment in reversed(moments) if moment not in known])

    def add(self, alert: TrackedAlert, now: datetime) -> None:
        """Takes an alert that has opened or is resolved."""
        if alert.resolved_at is not None:
            self._add_resolved(alert, now)
        elif self._is_quiet(alert.key, now):
            before = self._repeated.get(alert.key)
            self._repeated[alert.key] = Opening(alert, before.repeated + 1 if before else 1)
        else:
            self._add_opening(Opening(alert), now)

    def untold_ends(self) -> list[TrackedAlert]:
        """The alerts that are resolved, and of which the next message says so."""
        return list(self._resolved)

    def due(self, now: datetime) -> Message | None:
        """The message that is to be sent now, if there is one; its alerts count as told."""
        for key, opening in list(self._repeated.items()):
            if not self._is_quiet(key, now):
                del self._repeated[key]
                self._add_opening(opening, now)
        if self._waits_since is None or now - self._waits_since < GROUPED_FOR:
            return None
        while self._sent and now - self._sent[0] >= HOUR:
            self._sent.popleft()
        if len(self._sent) > MESSAGES_AN_HOUR:
            self._leave_out_what_is_over()
            return None
        is_last = len(self._sent) == MESSAGES_AN_HOUR
        self._sent.append(now)
        return self._taken(now, silent_until=self._sent[0] + HOUR if is_last else None)

    def _add_opening(self, opening: Opening, now: datetime) -> None:
        self._openings.append(opening)
        self._waits_since = self._waits_since or now

    def _add_resolved(self, alert: TrackedAlert, now: datetime) -> None:
        if alert.told_at is None:
            # Nobody has heard of it, or will hear with its opening that it is over.
            return
        self._resolved.append(alert)
        self._waits_since = self._waits_since or now

    def _is_quiet(self, key: Key, now: datetime) -> bool:
        told = self._told[key]
        return len(told) == TOLD_AT_MOST and now - told[0] < QUIET_FOR

    def _taken(self, now: datetime, silent_until: datetime | None) -> Message:
        for opening in self._openings:
            opening.alert.told_at = now
            self._told[opening.alert.key].append(now)
        # Copies: channels send in threads of their own, while these alerts go on.
        openings = [replace(opening, alert=replace(opening.alert)) for opening in self._openings]
        message = Message(openings, self._resolved, silent_until)
        self._openings, self._resolved, self._waits_since = [], [], None
        return message

    def _leave_out_what_is_over(self) -> None:
        """What opens and ends while nothing is sent is left to the admin; the rest is told after it."""
        self._openings = [opening for opening in self._openings if opening.alert.resolved_at is None]
        if not self._openings and not self._resolved:
            self._waits_since = None
