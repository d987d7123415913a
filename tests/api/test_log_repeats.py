"""What fails again and again is written once a second, with how often it was not."""

import io
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from pms_backend.api import logs
from pms_backend.api.exceptions import InsufficientStorage, Unavailable, problem_response
from pms_backend.api.log_repeats import FILE
from pms_backend.api.logs import RepeatFilter, line_formatter
from tests.faults.small_disk import small_disk

LOGGER = logging.getLogger("tests.repeats")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(logs, "time", clock)
    return clock


Process = Callable[[], list[str]]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """`process()`: the log of a process; calling it returns and removes its lines."""
    handlers: list[logging.Handler] = []

    def make(directory: Path = tmp_path / "run") -> Process:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(line_formatter("text", "web"))
        handler.addFilter(RepeatFilter(directory))
        handlers.append(handler)
        for logger in (LOGGER, logging.getLogger("pms_backend")):
            logger.addHandler(handler)

        def read() -> list[str]:
            lines = [_without_origin(line) for line in stream.getvalue().splitlines()]
            stream.seek(0)
            stream.truncate()
            return lines

        return read

    yield make
    for handler in handlers:
        LOGGER.removeHandler(handler)
        logging.getLogger("pms_backend").removeHandler(handler)


def _without_origin(line: str) -> str:
    """Level, message and what is given with it."""
    return re.sub(r"^\S+ (\w+) \S+ \[-\] (.*?) actor=system", r"\1 \2", line)


def fail(error: Exception, text: str = "It failed") -> None:
    LOGGER.error(text, exc_info=error)


def test_the_console_uses_it():
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["repeats"]
    assert settings.LOGGING["filters"]["repeats"]["()"] == "pms_backend.api.logs.RepeatFilter"


def test_the_same_failure_is_logged_once_a_second_with_the_number_left_out(process: Any, clock: Clock):
    lines = process()

    for number in range(12):
        LOGGER.warning("No room for %s", number)
        clock.now += 0.25

    assert lines() == [
        "WARNING No room for 0",
        "WARNING No room for 4 left_out=3",
        "WARNING No room for 8 left_out=3",
    ]


def test_each_kind_of_failure_has_its_own_interval(process: Any, clock: Clock):
    lines = process()

    LOGGER.warning("A")
    LOGGER.error("A")
    LOGGER.warning("B")
    LOGGER.warning("A", extra={"kind": "other"})
    fail(LookupError("x"), "A")
    fail(OSError("x"), "A")
    for _ in range(3):
        LOGGER.info("What is no failure passes")

    assert [line for line in lines() if not line.startswith("    | ")] == [
        "WARNING A", "ERROR A", "WARNING B", "WARNING A kind=other",
        "ERROR A error=LookupError: x", "ERROR A error=OSError: x",
    ]  # fmt: skip


def test_a_traceback_is_written_once_a_minute(process: Any, clock: Clock):
    lines = process()

    written = []
    for _ in range(62):
        fail(LookupError("no\nroom"))
        written.append(lines())
        clock.now += 1.0

    line = "ERROR It failed error=LookupError: no room"
    assert written[0] == written[60] == [line, "    | LookupError: no", "    | room"]
    assert {tuple(entry) for number, entry in enumerate(written) if number not in (0, 60)} == {(line,)}


def test_other_handlers_get_every_traceback(process: Any, clock: Clock, caplog: pytest.LogCaptureFixture):
    process()

    fail(LookupError("x"))
    clock.now += 1.0
    fail(LookupError("x"))

    assert [record.exc_info[0] for record in caplog.records] == [LookupError, LookupError]
    assert [record.getMessage() for record in caplog.records] == ["It failed", "It failed"]


def test_processes_of_one_machine_write_one_line(process: Any, clock: Clock):
    one, other = process(), process()

    for _ in range(3):
        LOGGER.warning("No room")
        clock.now += 0.4
    clock.now += 1.0
    LOGGER.warning("No room")

    assert one() == ["WARNING No room", "WARNING No room left_out=5"]
    assert other() == []


def test_times_from_before_a_restart_of_the_machine_are_ignored(process: Any, clock: Clock):
    lines = process()
    LOGGER.warning("No room")
    clock.now = 3.0

    LOGGER.warning("No room")

    assert lines() == ["WARNING No room", "WARNING No room"]


def test_without_the_file_each_process_counts_alone(process: Any, clock: Clock, tmp_path: Path):
    (tmp_path / "file").write_text("")
    lines = process(tmp_path / "file")

    for _ in range(12):
        LOGGER.warning("No room")
        clock.now += 0.25

    assert len(lines()) == 3


@pytest.mark.parametrize("comes_first", ["the file", "the lack of room"])
def test_the_limit_works_on_a_full_disk(process: Any, clock: Clock, tmp_path: Path, comes_first: str):
    with small_disk(tmp_path / "disk") as disk:
        lines = process(disk.path)
        if comes_first == "the file":
            LOGGER.warning("Before")
        disk.fill()
        for _ in range(12):
            LOGGER.warning("No room")
            clock.now += 0.25
        assert len([line for line in lines() if "No room" in line]) == 3
        assert [name for name in disk.files() if name != FILE] == []


def test_expected_problems_are_one_line_without_a_traceback(process: Any, clock: Clock):
    lines = process()

    for error in (InsufficientStorage("No room."), Unavailable("Away."), InsufficientStorage("No room.")):
        response = problem_response(error, {})
        assert response._has_been_logged

    assert lines() == [
        "WARNING Answered 507 insufficient_storage: No room. kind=insufficient_storage",
        "WARNING Answered 503 unavailable: Away. kind=unavailable",
    ]  # fmt: skip
