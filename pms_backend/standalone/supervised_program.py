"""A program that is restarted whenever it ends."""

import time
from signal import Signals
from typing import Any

from pms_backend.standalone import limits
from pms_backend.standalone.console import Console
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Process, Program


class RestartDelay:
    """The delay before each restart: none at first, then doubling up to a limit, until the program runs long enough."""

    def __init__(self) -> None:
        self._failure_count = 0

    def next_seconds(self, ran_seconds: float) -> float:
        if ran_seconds >= limits.STABLE_SECONDS:
            self._failure_count = 0
        self._failure_count += 1
        if self._failure_count == 1:
            return 0
        return float(min(limits.SHORTEST_DELAY_SECONDS * 2 ** (self._failure_count - 2), limits.LONGEST_DELAY_SECONDS))


class SupervisedProgram:
    def __init__(self, program: Program, processes: Processes, console: Console) -> None:
        self.program = program
        self.end_count = 0
        self.process: Process | None = None
        self._processes = processes
        self._console = console
        self._delay = RestartDelay()
        self._started_at = 0.0
        self._restart_at = 0.0
        # For others: seconds since 1970.
        self._start_time = 0.0
        self._end_time: float | None = None
        self._end_reason = ""

    @property
    def pid(self) -> int | None:
        """None between its end and its restart."""
        return self.process.pid if self.process else None

    @property
    def record(self) -> dict[str, Any]:
        """What programs.json says about it; `ended_at` is None while it has not ended."""
        return {
            "pid": self.pid,
            "started_at": self._start_time,
            "restarts": self.end_count,
            "ended_at": self._end_time,
            "end": self._end_reason,
        }

    def start(self) -> Process:
        self._started_at, self._start_time = time.monotonic(), time.time()
        self.process = self._processes.start(self.program, lambda line: self._console.line(self.program.name, line))
        return self.process

    def restart(self) -> Process:
        """Kills what is left of the process and starts the program at once."""
        if self.process is not None:
            self._processes.kill(self.process)
        return self.start()

    def restart_if_due(self) -> bool:
        """Restarts a program that has ended, after its delay; returns whether the pid changed."""
        pid = self.pid
        if self.process and (code := self.process.exit_code()) is not None:
            # What is left of its group would hold the port and the queue that the restarted program needs.
            self._processes.kill(self.process)
            self.process = None
            self.end_count += 1
            self._end_time, self._end_reason = time.time(), describe_end(code)
            self._schedule_restart(self._end_reason)
        if self.process is None and time.monotonic() >= self._restart_at:
            try:
                self.start()
            except OSError as error:  # no memory for it, or no disk for its log
                self._schedule_restart(f"could not be started: {error.strerror}")
        return self.pid != pid

    def _schedule_restart(self, reason: str) -> None:
        now = time.monotonic()
        delay = self._delay.next_seconds(now - self._started_at)
        self._restart_at = now + delay
        when = f"in {delay:.1f} s" if delay else "at once"
        self._console.say(f"{self.program.name} {reason}; it is restarted {when}")


def describe_end(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was killed by {Signals(-code).name}"
