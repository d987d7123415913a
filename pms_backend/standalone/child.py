"""A program that is kept running."""

import time
from collections.abc import Callable
from signal import Signals

from pms_backend.standalone import limits
from pms_backend.standalone.console import Console
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Process, Program


class Backoff:
    """How long to wait before each restart: the first comes at once, the next ever later, up to a cap."""

    def __init__(self) -> None:
        self._failures = 0

    def delay(self, ran_seconds: float) -> float:
        if ran_seconds >= limits.STABLE_SECONDS:
            self._failures = 0
        self._failures += 1
        if self._failures == 1:
            return 0
        return float(min(limits.FIRST_BACKOFF_SECONDS * 2 ** (self._failures - 2), limits.LONGEST_BACKOFF_SECONDS))


class Child:
    def __init__(
        self, program: Program, processes: Processes, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.program = program
        self.deaths = 0
        self.process: Process | None = None
        self._processes = processes
        self._console = console
        self._clock = clock
        self._backoff = Backoff()
        self._started_at = 0.0
        self._due_at = 0.0

    @property
    def pid(self) -> int | None:
        """None between its end and its restart."""
        return self.process.pid if self.process else None

    def start(self) -> Process:
        self._started_at = self._clock()
        process = self._processes.start(self.program, lambda line: self._console.line(self.program.name, line))
        self.process = process
        return process

    def start_again(self) -> Process:
        """Clears away one that ended and starts it now."""
        if self.process is not None:
            self._processes.discard(self.process)
        return self.start()

    def tend(self) -> bool:
        """Clears away one that ended and starts it again when that is due; says whether its pid changed."""
        pid = self.pid
        if self.process and (code := self.process.exit_code()) is not None:
            self._bury(self.process, code)
        if self.process is None and self._clock() >= self._due_at:
            self._restart()
        return self.pid != pid

    def _restart(self) -> None:
        try:
            self.start()
        except OSError as error:  # no memory for it, or no disk for its log
            self._postpone(f"could not be started: {error.strerror}")

    def _bury(self, process: Process, code: int) -> None:
        # The group first: what is left of it would hold the port and the queue of the one that comes.
        self._processes.discard(process)
        self.process = None
        self.deaths += 1
        self._postpone(describe_end(code))

    def _postpone(self, reason: str) -> None:
        delay = self._backoff.delay(self._clock() - self._started_at)
        self._due_at = self._clock() + delay
        when = f"in {delay:.1f} s" if delay else "at once"
        self._console.say(f"{self.program.name} {reason}; it is restarted {when}")


def describe_end(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was killed by {Signals(-code).name}"
