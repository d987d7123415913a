"""What processes use: processor time and memory, from /proc."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

_PROC = Path("/proc")
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the command's name.
_PARENT = 1
_TIMES = slice(11, 15)  # user, system, and both of the children that have ended


@dataclass(frozen=True, slots=True)
class Programs:
    """The first process of each program, by a name; its descendants count too."""

    pids: Mapping[str, int]

    def processor_seconds(self) -> dict[str, float]:
        """What each program has used since its start."""
        stats = _stats()
        return {name: sum(_seconds(stats[one]) for one in _tree(pid, stats)) for name, pid in self.pids.items()}


def memory_mb(pid: int) -> dict[str, float]:
    """Megabytes of a process and its descendants: `rss` counts a shared page in each of them, `pss` once."""
    totals = {"rss": 0, "pss": 0}
    for one in _tree(pid, _stats()):
        with suppress(OSError):
            for line in (_PROC / str(one) / "smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name.lower() in totals:
                    totals[name.lower()] += int(rest.split()[0])
    return {name: kilobytes / 1024 for name, kilobytes in totals.items()}


def server_pids(database_url: str, redis_url: str) -> dict[str, int]:
    """The first processes of PostgreSQL and Redis, of those that run on this machine where /proc shows them."""
    with psycopg.connect(database_url) as connection:
        backend = connection.info.backend_pid
        stats = _stats()
        found = {"postgresql": int(stats[backend][_PARENT])} if _is(backend, "postgres") else {}
    with redis.Redis.from_url(redis_url) as client:
        server = int(client.info("server")["process_id"])
    return {**found, "redis": server} if _is(server, "redis", "valkey") else found


def _is(pid: int, *names: str) -> bool:
    with suppress(OSError):
        return (_PROC / str(pid) / "comm").read_text().startswith(names)
    return False


def _stats() -> dict[int, list[str]]:
    found = {}
    for entry in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            found[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
    return found


def _tree(pid: int, stats: Mapping[int, list[str]]) -> Iterator[int]:
    if pid in stats:
        yield pid
        for child, fields in stats.items():
            if int(fields[_PARENT]) == pid:
                yield from _tree(child, stats)


def _seconds(fields: list[str]) -> float:
    return sum(int(ticks) for ticks in fields[_TIMES]) / _TICKS_A_SECOND
