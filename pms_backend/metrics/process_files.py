"""Which files of METRICS_DIR belong to which process: each has a number, as long as it lives.

prometheus_client names the files by process id. But containers that share a directory have the same ids, and each
restart would leave files behind. So a process takes the lowest number that no other has, by a lock that the kernel
releases when the process ends, by SIGKILL too. The next process with the number continues the counters in its files:
no count is lost, and there are never more files than there were processes at one time.
"""

import fcntl
import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead


@dataclass(frozen=True, slots=True)
class _Held:
    number: str
    lock: int


_held: _Held | None = None


def number_files() -> None:
    """Makes prometheus_client name the files by `process_number`; call it before the first metric is created."""
    if _directory() is not None:
        values.ValueClass = values.MultiProcessValue(process_number)  # type: ignore[no-untyped-call]


def process_number() -> str:
    """The number of this process; it is asked for with each count."""
    global _held
    if _held is None:
        _held = _take()
    return _held.number


def forget_dead_processes() -> None:
    """Removes what processes that have ended had at the moment, such as open sockets; their counts stay."""
    directory = _directory()
    for file in directory.glob("*.lock") if directory else ():
        if (lock := _lock(file)) is not None:
            # While it is held, no new process has the number.
            mark_process_dead(file.stem)  # type: ignore[no-untyped-call]  # the library has no types here
            os.close(lock)


def _take() -> _Held:
    directory = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    for number in map(str, itertools.count(1)):
        try:
            lock = _lock(directory / f"{number}.lock")
        except OSError:
            # There is no room for a lock. What the process counts is in memory then (`allocated_files`).
            return _Held(f"unlocked-{os.getpid()}", -1)
        if lock is not None:
            mark_process_dead(number)  # type: ignore[no-untyped-call]
            return _Held(number, lock)
    raise AssertionError


def _lock(file: Path) -> int | None:
    """An open file with its lock; None if another process has it."""
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _release_in_child() -> None:
    """A forked process has a number of its own; its copy of the parent's lock would outlive the parent."""
    global _held
    if _held is not None and _held.lock >= 0:
        os.close(_held.lock)
    _held = None


def _directory() -> Path | None:
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(directory) if directory else None


os.register_at_fork(after_in_child=_release_in_child)
