"""Kills the process groups of a supervisor that was killed itself.

The orphan reaper is a process in a session of its own. Through a pipe it gets the number of each group that starts and
ends. At the end of the pipe the supervisor has ended, for whatever reason: the orphan reaper kills the groups that are
left.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO

from pms_backend.standalone import PROJECT, limits, proc

STARTED, ENDED = "+", "-"


class OrphanReaper:
    """The supervisor's side. An orphan reaper that was killed is replaced."""

    def __init__(self) -> None:
        self._groups: dict[int, int] = {}
        self._popen = self._start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def watch(self, group: int, kill_signal: int) -> None:
        self._groups[group] = kill_signal
        self._send(f"{STARTED} {group} {kill_signal}\n")

    def forget(self, group: int) -> None:
        self._groups.pop(group, None)
        self._send(f"{ENDED} {group}\n")

    def restart_if_ended(self) -> None:
        if self._popen.poll() is not None:
            self._replace()

    def close(self) -> None:
        self._pipe.close()
        self._popen.wait()

    @property
    def _pipe(self) -> IO[bytes]:
        if self._popen.stdin is None:
            raise RuntimeError("the orphan reaper was started without a pipe")
        return self._popen.stdin

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        # Without site-packages (-S) it runs after some 20 ms; the pipe holds what is sent before.
        return subprocess.Popen(
            (sys.executable, "-S", "-m", __name__),
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def _send(self, message: str) -> None:
        try:
            self._pipe.write(message.encode())
        except BrokenPipeError:
            self._replace()

    def _replace(self) -> None:
        self.close()
        self._popen = self._start()
        for group, kill_signal in self._groups.items():
            self._pipe.write(f"{STARTED} {group} {kill_signal}\n".encode())


def _kill(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # it has ended, or its number belongs to another account now
        os.killpg(group, number)


def _end(groups: dict[int, int]) -> None:
    for group, kill_signal in groups.items():
        _kill(group, kill_signal)
    deadline = time.monotonic() + limits.ORPHAN_STOP_SECONDS
    while time.monotonic() < deadline and any(proc.group_members(group) for group in groups):
        time.sleep(limits.POLL_SECONDS)
    for group in groups:
        _kill(group, signal.SIGKILL)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin:
        action, group, *kill_signal = line.split()
        if action == STARTED:
            groups[int(group)] = int(kill_signal[0])
        else:
            groups.pop(int(group), None)
    _end(groups)


if __name__ == "__main__":
    main()
