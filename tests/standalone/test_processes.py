import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pms_backend.standalone import proc
from pms_backend.standalone.data_dir import DataDir, write_json
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Program
from tests.standalone.running import wait_for

PYTHON = (sys.executable, "-S", "-c")
SLEEP = "import time; time.sleep(600)"
# A parent and its child in one group; the parent ends when the file named by its argument is there.
PARENT = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-S", "-c", {SLEEP!r}])
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path / "data")
    made.create()
    return made


@pytest.fixture
def processes(data_dir: DataDir) -> Iterator[Processes]:
    opened = Processes(data_dir)
    yield opened
    opened.close()


@pytest.fixture
def stranger(data_dir: DataDir) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a process group that no `Processes` knows."""
    started = []

    def start(*command: str, owner: Path = data_dir.root) -> subprocess.Popen[bytes]:
        environment = {"DATA_DIR": str(owner)}
        started.append(subprocess.Popen((*PYTHON, *command), env=environment, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        for pid in proc.group_members(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def record(data_dir: DataDir, pid: int, started: int | None, boot_id: str | None = None) -> None:
    """Writes the record of a killed supervisor."""
    entry = {"name": "web", "pid": pid, "started": started, "kill_signal": int(signal.SIGKILL)}
    write_json(data_dir.processes, {"boot_id": boot_id or proc.boot_id(), "processes": [entry]})


def test_orphans_end_with_their_whole_group(
    data_dir: DataDir, processes: Processes, stranger: Callable[..., subprocess.Popen[bytes]]
) -> None:
    left = stranger(PARENT, "nothing")
    wait_for(lambda: len(proc.group_members(left.pid)) == 2, "the group")
    record(data_dir, left.pid, proc.start_time(left.pid))

    assert processes.end_orphans() == ["web"]

    assert proc.group_members(left.pid) == []


def test_a_recycled_pid_is_spared(
    data_dir: DataDir, processes: Processes, stranger: Callable[..., subprocess.Popen[bytes]]
) -> None:
    other = stranger(SLEEP)
    record(data_dir, other.pid, (proc.start_time(other.pid) or 0) - 1)

    assert processes.end_orphans() == []

    assert other.poll() is None


def test_a_pid_of_another_boot_is_spared(
    data_dir: DataDir, processes: Processes, stranger: Callable[..., subprocess.Popen[bytes]]
) -> None:
    other = stranger(SLEEP)
    record(data_dir, other.pid, proc.start_time(other.pid), boot_id="another")

    assert processes.end_orphans() == []

    assert other.poll() is None


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_group_without_its_leader_is_found_by_its_environment(
    data_dir: DataDir,
    processes: Processes,
    stranger: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
    is_ours: bool,
) -> None:
    left = stranger(PARENT, str(tmp_path / "end"), owner=data_dir.root if is_ours else tmp_path)
    started = proc.start_time(left.pid)
    wait_for(lambda: len(proc.group_members(left.pid)) == 2, "the group")
    (tmp_path / "end").touch()
    left.wait()
    record(data_dir, left.pid, started)

    found = processes.end_orphans()

    assert (found, len(proc.group_members(left.pid))) == ((["web"], 0) if is_ours else ([], 1))


def test_killing_a_process_ends_its_group(processes: Processes, tmp_path: Path) -> None:
    process = processes.start(Program("web", (*PYTHON, PARENT, str(tmp_path / "end"))))
    wait_for(lambda: len(proc.group_members(process.pid)) == 2, "the group")
    (tmp_path / "end").touch()
    wait_for(lambda: process.exit_code() is not None, "the parent's end")

    processes.kill(process)

    assert proc.group_members(process.pid) == []
    assert processes.running == []


def test_a_run_returns_what_was_printed(processes: Processes) -> None:
    noisy = "import sys; print('one'); print('bad', file=sys.stderr); print('two')"

    assert processes.run(Program("step", (*PYTHON, noisy)), seconds=10) == ["one", "two"]


def test_a_run_that_fails_says_so_with_its_last_lines(processes: Processes) -> None:
    with pytest.raises(StartupError, match=r"^step failed with exit code 3$") as caught:
        processes.run(Program("step", (*PYTHON, "import sys; print('why', file=sys.stderr); sys.exit(3)")), seconds=10)

    assert caught.value.lines == ("why",)


def test_a_run_that_takes_too_long_is_ended(processes: Processes) -> None:
    with pytest.raises(StartupError, match=r"^step did not end within 0 s$"):
        processes.run(Program("step", (*PYTHON, SLEEP)), seconds=0.1)

    assert processes.running == []


def test_stdin_is_not_on_the_command_line(processes: Processes) -> None:
    program = Program("step", (*PYTHON, "print(input())"), stdin=b"secret\n")

    assert processes.run(program, seconds=10) == ["secret"]
    assert "secret" not in repr(program)
