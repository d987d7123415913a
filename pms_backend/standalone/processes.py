"""Everything that was started here: on disk, known to the orphan reaper, and ended without a remainder."""

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
from pms_backend.standalone.program import Process, Program, Sink


@dataclass(frozen=True)
class Recorded:
    """One line of processes.json."""

    name: str
    pid: int
    started: int
    kill_signal: int


class Processes:
    """Starts programs so that none outlives its owner, even one that is killed."""

    def __init__(self, data_dir: DataDir, pause: Callable[[float], None] = time.sleep) -> None:
        """`pause` is called wherever this waits, and may raise to end the waiting."""
        self.pause = pause
        self._data_dir = data_dir
        self._running: list[Process] = []
        self._orphan_reaper = OrphanReaper()

    @property
    def running(self) -> list[Process]:
        return self._running[:]

    @property
    def orphan_reaper_pid(self) -> int:
        return self._orphan_reaper.pid

    def start(self, program: Program, sink: Sink | None = None, errors: Sink | None = None) -> Process:
        marked = {**program.environment, "DATA_DIR": str(self._data_dir.root)}
        process = Process(replace(program, environment=marked), sink, errors)
        self._running.append(process)
        self._orphan_reaper.watch(process.pid, program.kill_signal)
        self._record()
        return process

    def discard(self, process: Process) -> None:
        """Ends the process, its group and what else it left, and forgets it."""
        process.kill_group(process.program.kill_signal)
        if not process.wait(limits.KILL_SECONDS):
            process.kill_group(signal.SIGKILL)
            process.wait(limits.KILL_SECONDS)
        process.kill_group(signal.SIGKILL)
        if process.program.sweep:
            process.program.sweep()
        process.finish_output()
        self._running.remove(process)
        self._orphan_reaper.forget(process.pid)
        self._record()

    def stop(self, process: Process, seconds: float) -> None:
        """Asks it to stop, and discards it when it has or the time is over."""
        process.ask_to_stop()
        process.wait(seconds)
        self.discard(process)

    def run(self, program: Program, seconds: float) -> list[str]:
        """Runs it to its end and returns the lines of its stdout; StartupError unless it ended well and in time."""
        output: list[str] = []
        tail: deque[str] = deque(maxlen=limits.TAIL_LINES)

        def keep(line: str) -> None:
            output.append(line)
            tail.append(line)

        process = self.start(program, keep, tail.append)
        deadline = time.monotonic() + seconds
        try:
            while (code := process.exit_code()) is None and time.monotonic() < deadline:
                self.pause(limits.POLL_SECONDS)
        finally:
            self.discard(process)
        if code is None:
            raise StartupError(f"{program.name} did not end within {seconds:.0f} s", lines=tuple(tail))
        if code:
            raise StartupError(f"{program.name} failed with exit code {code}", lines=tuple(tail))
        return output

    def tend(self) -> None:
        self._orphan_reaper.tend()

    def close(self) -> None:
        """Ends whatever still runs, the orphan reaper last."""
        for process in reversed(self.running):
            self.discard(process)
        self._orphan_reaper.dismiss()

    def end_leftovers(self) -> list[str]:
        """Ends what a killed supervisor and its killed orphan reaper left behind; returns the names."""
        recorded = self._read_record()
        found = []
        for entry in recorded:
            if members := self._members(entry):
                found.append(entry.name)
                proc.send(members, entry.kill_signal)
        deadline = time.monotonic() + limits.LEFTOVER_SECONDS
        while time.monotonic() < deadline and any(self._members(entry) for entry in recorded):
            self.pause(limits.POLL_SECONDS)
        for entry in recorded:
            proc.send(self._members(entry), signal.SIGKILL)
        return found

    def _members(self, entry: Recorded) -> list[int]:
        """The living processes of the group that was recorded, and no other that got its number since."""
        started = proc.start_time(entry.pid)
        members = proc.group_members(entry.pid)
        if started is not None:
            return members if started == entry.started else []
        # The leader is gone, so its start time is of no help; the environment that all of ours have is.
        return [pid for pid in members if proc.has_in_environment(pid, f"DATA_DIR={self._data_dir.root}")]

    def _record(self) -> None:
        entries = [
            asdict(Recorded(one.program.name, one.pid, one.started, int(one.program.kill_signal)))
            for one in self._running
        ]
        with suppress(OSError):  # a full disk must not stop what runs
            write_json(self._data_dir.processes, {"boot_id": proc.boot_id(), "processes": entries})

    def _read_record(self) -> list[Recorded]:
        content = read_json(self._data_dir.processes)
        if content.get("boot_id") != proc.boot_id():
            return []
        return [Recorded(**entry) for entry in content["processes"]]
