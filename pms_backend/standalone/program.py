"""A command as data, and the process that runs it."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from pms_backend.standalone import PROJECT, limits, proc

LineHandler = Callable[[str], None]


class StopOrder(IntEnum):
    """The order in which programs stop: those that create work before those that do it, and the servers last."""

    PRODUCERS = 1
    WORKERS = 2
    REDIS = 3
    POSTGRES = 4


@dataclass(frozen=True)
class Program:
    name: str
    arguments: tuple[str, ...]
    stop_order: StopOrder = StopOrder.PRODUCERS
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    directory: Path = PROJECT
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL
    stdin: bytes = field(default=b"", repr=False)
    log: Path | None = None  # where its output goes instead of to the console
    end_stray_processes: Callable[[], None] | None = None  # ends those outside of its process group, after it has ended
    is_web: bool = False  # serves the web address, on a socket that it inherits
    files: tuple[int, ...] = ()  # descriptors that it inherits

    def listening(self, descriptor: int) -> "Program":
        """Returns the same program, accepting connections from a socket that listens already."""
        return replace(self, arguments=(*self.arguments, "--bind", f"fd://{descriptor}"), files=(descriptor,))


class Process:
    """A running program in a session and process group of its own, so that a Ctrl-C reaches the supervisor alone."""

    def __init__(self, program: Program, on_line: LineHandler | None, on_error_line: LineHandler | None = None) -> None:
        """`on_line` gets each line of output, in a thread of its own; if `on_error_line` is given, it gets stderr's."""
        self.program = program
        self._threads: list[threading.Thread] = []
        log = self._open_log(program.log)
        try:
            self._popen = subprocess.Popen(
                program.arguments,
                cwd=program.directory,
                env=dict(program.environment),
                stdin=subprocess.PIPE if program.stdin else subprocess.DEVNULL,
                stdout=log or subprocess.PIPE,
                stderr=subprocess.PIPE if on_error_line else subprocess.STDOUT,
                start_new_session=True,
                pass_fds=program.files,
            )
        finally:
            if log:
                log.close()
        self.pid = self._popen.pid
        self.started = proc.start_time(self.pid) or 0
        self._write_stdin(program.stdin)
        self._read_lines(self._popen.stdout, on_line)
        self._read_lines(self._popen.stderr, on_error_line)

    @staticmethod
    def _open_log(path: Path | None) -> BinaryIO | None:
        if path is None:
            return None
        is_long = path.exists() and path.stat().st_size > limits.SERVER_LOG_BYTES
        return path.open("wb" if is_long else "ab")

    def _write_stdin(self, content: bytes) -> None:
        if self._popen.stdin:
            with suppress(BrokenPipeError), self._popen.stdin as stdin:
                stdin.write(content)

    def _read_lines(self, stream: Iterable[bytes] | None, handler: LineHandler | None) -> None:
        if stream is None or handler is None:
            return

        def run() -> None:
            for line in stream:
                handler(line.decode(errors="replace").rstrip())

        thread = threading.Thread(target=run, name=f"output of {self.program.name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal that killed it."""
        return self._popen.poll()

    def wait(self, seconds: float) -> bool:
        """Returns whether it ended in time."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)
        return self._popen.returncode is not None

    def ask_to_stop(self) -> None:
        """Signals the process alone: a SIGTERM would kill its child processes in the middle of their work."""
        self._popen.send_signal(self.program.stop_signal)

    def kill_group(self, number: int) -> None:
        """Signals the whole group, which may live on after the process itself has ended."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def finish_output(self) -> None:
        for thread in self._threads:
            thread.join(limits.OUTPUT_SECONDS)
        for stream in (self._popen.stdout, self._popen.stderr):
            # A process outside of the group may still hold the pipe: closing it under its reader would block.
            if stream and not any(thread.is_alive() for thread in self._threads):
                stream.close()
