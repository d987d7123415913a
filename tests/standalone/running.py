"""Runs fake stacks, and finds their processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pms_backend.standalone import PROJECT, proc
from pms_backend.standalone.account import server_account, with_access
from tests.ports import free_port_pair

T = TypeVar("T")
TIMEOUT_SECONDS = 20
# The settings of the test run, which the stack must not get.
SETTINGS = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS"}


def wait_for(condition: Callable[[], T], what: str, seconds: float = TIMEOUT_SECONDS) -> T:
    """Returns the first true result."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return result


def processes_of(data_dir: Path) -> list[int]:
    """Every living process of this DATA_DIR; for PostgreSQL's, which hide their environment, by working directory."""
    by_environment = [pid for pid in proc.pids() if proc.has_in_environment(pid, f"DATA_DIR={data_dir}")]
    living = [pid for pid in by_environment if proc.start_time(pid) is not None]
    return sorted({*living, *proc.working_in(data_dir / "postgres/data"), *proc.working_in(data_dir / "redis")})


def orphan_reaper_of(data_dir: Path) -> int | None:
    def is_orphan_reaper(pid: int) -> bool:
        return b"standalone.orphan_reaper" in (proc.PROC / str(pid) / "cmdline").read_bytes()

    return next((pid for pid in processes_of(data_dir) if is_orphan_reaper(pid)), None)


def as_ordinary_user(directory: Path) -> tuple[str, ...]:
    """Returns the prefix that makes a command run as the owner of `directory`, not as root; empty without root.

    The interpreter may be in a home directory, so that the account is given the right to read it.
    """
    account = server_account(directory)
    if os.geteuid() == 0:
        os.chown(directory, account.uid, account.gid)
    return with_access(account, (Path(sys.executable), Path(os.__file__), directory)).prefix


class FakeStack:
    """`tests.standalone.fake_stack` with a DATA_DIR and ports of its own."""

    def __init__(self, data_dir: Path, prefix: tuple[str, ...] = (), **environment: str) -> None:
        self.data_dir = data_dir
        self.port = free_port_pair()
        self._prefix = prefix
        self._environment = environment
        self._popen: subprocess.Popen[str] | None = None

    def launch(self, output: int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        own = {"DATA_DIR": str(self.data_dir), "PORT": str(self.port), "WS_PORT": str(self.port + 1)}
        self._popen = subprocess.Popen(
            (*self._prefix, sys.executable, "-m", "tests.standalone.fake_stack"),
            cwd=PROJECT,
            env={**inherited, **own, **self._environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self._popen

    def start(self, output: int = subprocess.PIPE, **environment: str) -> dict[str, Any]:
        """Launches it and returns its quickstart.json."""
        self.quickstart_path.unlink(missing_ok=True)
        popen = self.launch(output, **environment)

        def is_up() -> bool:
            assert popen.poll() is None, popen.communicate()
            return self.quickstart_path.exists()

        wait_for(is_up, "quickstart.json")
        return self.quickstart()

    @property
    def quickstart_path(self) -> Path:
        return self.data_dir / "quickstart.json"

    def quickstart(self) -> dict[str, Any]:
        return json.loads(self.quickstart_path.read_text())

    def pid_of(self, name: str) -> int | None:
        pids = self.quickstart()["pids"][name]
        return pids[0] if pids else None

    @property
    def supervisor(self) -> int:
        assert self._popen
        return self._popen.pid

    @property
    def orphan_reaper(self) -> int | None:
        return orphan_reaper_of(self.data_dir)

    def recorded(self, name: str) -> int:
        """The pid in processes.json, which includes the servers."""
        entries = json.loads((self.data_dir / "run/processes.json").read_text())["processes"]
        return next((entry["pid"] for entry in entries if entry["name"] == name), 0)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.supervisor, number)

    def finish(self, seconds: float = TIMEOUT_SECONDS) -> tuple[int, str, str]:
        """Waits for its end; returns exit code, stdout and stderr."""
        assert self._popen
        output, errors = self._popen.communicate(timeout=seconds)
        return self._popen.returncode, output, errors

    def kill(self) -> None:
        """Kills every process, whatever the test did."""
        if self._popen:
            self._popen.kill()
            self._popen.wait()
            for stream in (self._popen.stdout, self._popen.stderr):
                if stream:
                    stream.close()
        for _ in range(3):
            proc.send(processes_of(self.data_dir), signal.SIGKILL)
