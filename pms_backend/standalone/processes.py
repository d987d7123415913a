"""Every process that the supervisor starts: recorded on disk, watched by the orphan reaper, ended with its group."""

import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from pms_backend.standalone import limits, proc
from pms_backend.standalone.data_dir import DataDir, read_json, write_json
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.orphan_reaper import OrphanReaper
from pms_backend.standalone.program import LineHandler, Process, Program


@dataclass(frozen=True)
class RecordedProcess:
    """An entry of processes.json."""

    name: str
    pid: int
    started: int
    kill_signal: int


class Processes:
    """Starts programs so that none outlives the supervisor, even if the supervisor is killed."""

    def __init__(self, data_dir: DataDir, pause: Callable[[float], None] = time.sleep) -> None:
        """`pause` is called while this waits, and may raise an exception to end the waiting."""
        self.pause = pause
        self._data_dir = data_dir
        self._running: list[Process] = []
        self._orphan_reaper = OrphanReaper()

    @property
    def running(self) -> list[Process]:
        return self._running[:]

    def start(
        self, program: Program, on_line: LineHandler | None = None, on_error_line: LineHandler | None = None
    ) -> Process:
        # DATA_DIR marks the process as one of ours (`_members`).
        environment = {**program.environment, "DATA_DIR": str(self._data_dir.root)}
        process = Process(replace(program, environment=environment), on_line, on_error_line)
        self._running.append(process)
        self._orphan_reaper.watch(process.pid, program.kill_signal)
        self._record()
        return process

    def kill(self, process: Process) -> None:
        """Kills the process, its group and the processes outside of its group, as far as they still run."""
        process.kill_group(process.program.kill_signal)
        if not process.wait(limits.KILL_SECONDS):
            process.kill_group(signal.SIGKILL)
            process.wait(limits.KILL_SECONDS)
        process.kill_group(signal.SIGKILL)
        if process.program.end_stray_processes:
            process.program.end_stray_processes()
        process.finish_output()
        self._running.remove(process)
        self._orphan_reaper.forget(process.pid)
        self._record()

    def stop(self, process: Process, seconds: float) -> None:
        """Asks the process to stop, and kills it and its group when it has stopped or the time is over."""
        process.ask_to_stop()
        process.wait(seconds)
        self.kill(process)

    def run(self, program: Program, seconds: float) -> list[str]:
        """Runs a program to its end and returns the lines of its stdout. Raises `StartupError` if it fails."""
        output: list[str] = []
        tail: deque[str] = deque(maxlen=limits.TAIL_LINES)

        def store(line: str) -> None:
            output.append(line)
            tail.append(line)

        process = self.start(program, store, tail.append)
        deadline = time.monotonic() + seconds
        try:
            while (code := process.exit_code()) is None and time.monotonic() < deadline:
                self.pause(limits.POLL_SECONDS)
        finally:
            self.kill(process)
        if code is None:
            raise StartupError(f"{program.name} did not end within {seconds:.0f} s", lines=tuple(tail))
        if code:
            raise StartupError(f"{program.name} failed with exit code {code}", lines=tuple(tail))
        return output

    def restart_orphan_reaper_if_ended(self) -> None:
        self._orphan_reaper.restart_if_ended()

    def close(self) -> None:
        """Kills every process that still runs, then ends the orphan reaper."""
        for process in reversed(self.running):
            self.kill(process)
        self._orphan_reaper.close()

    def end_orphans(self) -> list[str]:
        """Ends the recorded processes of a supervisor and an orphan reaper that were both killed; returns the names."""
        recorded = self._read_record()
        names = []
        for entry in recorded:
            if members := self._members(entry):
                names.append(entry.name)
                proc.send(members, entry.kill_signal)
        deadline = time.monotonic() + limits.ORPHAN_STOP_SECONDS
        while time.monotonic() < deadline and any(self._members(entry) for entry in recorded):
            self.pause(limits.POLL_SECONDS)
        for entry in recorded:
            proc.send(self._members(entry), signal.SIGKILL)
        return names

    def _members(self, entry: RecordedProcess) -> list[int]:
        """The living processes of the recorded group, but not those of a later group with the same number."""
        started = proc.start_time(entry.pid)
        members = proc.group_members(entry.pid)
        if started is not None:
            return members if started == entry.started else []
        # The leader has ended, and its start time with it; the environment still shows which processes are ours.
        return [pid for pid in members if proc.has_in_environment(pid, f"DATA_DIR={self._data_dir.root}")]

    def _record(self) -> None:
        entries = [
            asdict(RecordedProcess(one.program.name, one.pid, one.started, int(one.program.kill_signal)))
            for one in self._running
        ]
        with suppress(OSError):  # a full disk must not stop what runs
            write_json(self._data_dir.processes, {"boot_id": proc.boot_id(), "processes": entries})

    def _read_record(self) -> list[RecordedProcess]:
        content = read_json(self._data_dir.processes)
        if content.get("boot_id") != proc.boot_id():
            return []
        return [RecordedProcess(**entry) for entry in content["processes"]]
