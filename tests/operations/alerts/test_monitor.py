"""A monitor that is restarted while the database is away goes on where the one before it was."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from pms_backend.operations import health
from pms_backend.operations.alerts import monitor
from pms_backend.operations.alerts.digest import Message
from pms_backend.operations.alerts.kept import FILE_NAME
from pms_backend.operations.alerts.monitor import Monitor
from pms_backend.operations.alerts.stored import StoredAlerts
from pms_backend.operations.alerts.tracker import TrackedAlert
from tests.operations.alerts.timeline import DOWN, at

FINE = {"database": health.CheckResult(health.OK, "")}
FAILED = {"database": health.CheckResult(health.FAILED, "no answer for 2 s")}


class Sent:
    """Keeps what is sent: the names of what has opened and of what is over."""

    def __init__(self) -> None:
        self.lines: list[tuple[list[str], list[str]]] = []

    def put(self, message: Message) -> None:
        self.lines.append(([o.alert.key[0] for o in message.openings], [one.key[0] for one in message.resolved]))


class Record:
    """The rows of a database that does not answer before `answer` is set."""

    def __init__(self) -> None:
        self.answer: StoredAlerts | None = None
        self.written: list[TrackedAlert] = []

    def stored(self) -> StoredAlerts | None:
        answer, self.answer = self.answer, None
        return answer

    def write(self, alerts: list[TrackedAlert]) -> None:
        self.written += alerts


class Stack:
    """One monitor after the other, at given seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now: datetime = at(0)
        self._results: Mapping[str, health.CheckResult] = FINE
        self.sent, self.record = Sent(), Record()
        self.conditions: dict[str, Any] = {}
        monkeypatch.setattr(timezone, "now", lambda: self._now)
        monkeypatch.setattr(health, "run_checks", lambda: self._results)
        monkeypatch.setattr(monitor, "AlertRecord", lambda: self.record)
        monkeypatch.setattr(monitor.PolledConditions, "poll", lambda _: self.conditions)
        self.restart()

    def restart(self) -> None:
        self.record = Record()
        self._monitor = Monitor([self.sent])  # type: ignore[list-item]  # it only puts

    def look(self, results: Mapping[str, health.CheckResult], *seconds: float) -> None:
        for second in seconds:
            self._now, self._results = at(second), results
            self._monitor.poll()


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Stack:
    settings.RUN_DIR = tmp_path / "run"
    return Stack(monkeypatch)


def test_an_outage_that_a_monitor_has_told_is_told_to_be_over_by_the_next(stack: Stack):
    stack.look(FINE, 0)
    stack.look(FAILED, 2, 4, 8)

    stack.restart()
    stack.look(FAILED, 20, 90, 92, 96)
    stack.look(FINE, 100, 110, 114)

    assert stack.sent.lines == [(["database"], []), ([], ["database"])]
    assert [(row.began_at, row.resolved_at) for row in stack.record.written] == [(at(2), None), (at(2), at(100))]


def test_an_alert_that_a_monitor_has_not_told_is_told_by_the_next(stack: Stack):
    stack.look(FINE, 0)
    stack.look(FAILED, 2, 4)

    stack.restart()
    stack.look(FAILED, 20, 24)

    assert stack.sent.lines == [(["database"], [])]


def test_an_end_that_a_monitor_has_not_told_is_told_by_the_next_and_once(stack: Stack):
    stack.look(FINE, 0)
    stack.look(FAILED, 2, 4, 8)
    stack.look(FINE, 10, 20)
    assert stack.sent.lines == [(["database"], [])]

    for restarted_at in (30, 60):
        stack.restart()
        stack.look(FINE, restarted_at, restarted_at + 4)

    assert stack.sent.lines == [(["database"], []), ([], ["database"])]


def test_what_only_the_rows_say_is_gone_on_with_too(stack: Stack):
    stack.record.answer = StoredAlerts(
        [TrackedAlert(("database", ""), DOWN, began_at=at(-60), is_open=True, told_at=at(-57))], {}
    )
    stack.look(FAILED, 0)

    stack.restart()
    stack.look(FINE, 20, 30, 34)

    assert stack.sent.lines == [([], ["database"])]


def test_conditions_open_nothing_before_it_is_known_what_is_open(stack: Stack):
    stack.conditions = {"parked_events": {"webhooks": DOWN}}
    stack.look(FINE, 0, 4)
    assert stack.sent.lines == []

    told = TrackedAlert(("parked_events", "webhooks"), DOWN, began_at=at(-60), is_open=True, told_at=at(-57))
    stack.record.answer = StoredAlerts([told], {})
    stack.look(FINE, 8, 12)

    assert stack.sent.lines == []


def test_a_circuit_is_told_by_its_subject_and_not_as_a_check(stack: Stack):
    stack.record.answer = StoredAlerts([], {})
    circuits = {"circuits": health.CheckResult(health.DEGRADED, "unreachable PMSs: 1; endpoints that fail: 1")}
    stack.look(circuits, 0, 4, 8)
    assert stack.sent.lines == []

    for subjects in (["endpoint 7"], ["endpoint 7", "shop"]):
        stack.conditions = {"circuits": dict.fromkeys(subjects, DOWN)}
        stack.look(circuits, 10 * len(subjects), 10 * len(subjects) + 4)

    assert stack.sent.lines == [(["circuits"], [])] * 2


def test_a_file_that_is_not_whole_is_no_obstacle(stack: Stack, settings: Any):
    settings.RUN_DIR.mkdir()
    for content in (b"", b"[{}]", b"[1]", b"{"):
        (settings.RUN_DIR / FILE_NAME).write_bytes(content)
        stack.restart()

    stack.look(FINE, 0)
