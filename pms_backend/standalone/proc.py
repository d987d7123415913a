"""Reads /proc about processes. Where it does not exist (macOS) no process is found, and so none is ended."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from pms_backend.standalone import limits

PROC = Path("/proc")
ENDED = {"Z", "X"}


def boot_id() -> str:
    """Start times count from the boot: without it, a process of another boot could look like ours."""
    with suppress(OSError):
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return ""


def _stat(pid: int) -> list[str]:
    """The fields after the command's name, which may itself hold blanks and parentheses: state, ppid, pgrp …"""
    with suppress(OSError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []


def start_time(pid: int) -> int | None:
    """Clock ticks from the boot to its start, which together with the pid identify a process; None if it has ended."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in ENDED else None


def pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.glob("[0-9]*"))


def group_members(group: int) -> list[int]:
    """The living processes of a process group."""

    def is_member(fields: list[str]) -> bool:
        return bool(fields) and fields[0] not in ENDED and int(fields[2]) == group

    return [pid for pid in pids() if is_member(_stat(pid))]


def working_in(directory: Path) -> list[int]:
    """The living processes with this working directory, as far as this account may see them."""
    found = []
    for pid in pids():
        with suppress(OSError):
            if (PROC / str(pid) / "cwd").readlink() == directory:
                found.append(pid)
    return [pid for pid in found if start_time(pid) is not None]


def has_in_environment(pid: int, setting: str) -> bool:
    """Returns whether the process was started with `NAME=value` in its environment."""
    with suppress(OSError):
        return setting.encode() in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return False


def send(receivers: list[int], number: int) -> None:
    for pid in receivers:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def end(
    find: Callable[[], list[int]], first: int = signal.SIGTERM, pause: Callable[[float], None] = time.sleep
) -> None:
    """Sends `first` to the processes that `find` returns, and later SIGKILL to those that it still returns."""
    send(find(), first)
    deadline = time.monotonic() + limits.ORPHAN_STOP_SECONDS
    while (remaining := find()) and time.monotonic() < deadline:
        pause(limits.POLL_SECONDS)
    send(remaining, signal.SIGKILL)
    while find() and time.monotonic() < deadline + limits.KILL_SECONDS:
        pause(limits.POLL_SECONDS)
