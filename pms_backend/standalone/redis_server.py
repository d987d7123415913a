"""The Redis of one machine, of the wheel or of the system, started directly.

Its data may be lost: PostgreSQL holds the truth. So they never keep it from starting.
"""

import os
import shutil
from collections.abc import Callable

import redis

from pms_backend.standalone import limits, proc
from pms_backend.standalone.account import server_account, with_access
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.ports import LOOPBACK, free_port
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Phase, Program
from pms_backend.standalone.redis_binary import choose

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
# Since this version the append-only file is a directory, which older ones do not look at.
APPEND_ONLY_DIRECTORY = "appendonlydir"
FIRST_WITH_DIRECTORY = (7, 0, 0)


class RedisServer:
    name = "redis"

    def __init__(self, data_dir: DataDir, password: str, *, durable: bool, say: Callable[[str], None]) -> None:
        """Not `durable`: nothing is written to the disk. `say` is told in a line when data are given up."""
        self._password = password
        self._say = say
        self._durable = durable
        self._data = data_dir.redis
        self._log = data_dir.run / "redis.log"
        self._port = free_port()
        self._account = server_account(self._data)
        self._binary = choose(self._account.prefix)
        self.url = f"redis://:{password}@{LOOPBACK}:{self._port}/0"

    def prepare(self, processes: Processes) -> None:
        """Makes its directory, and ends the server that a killed supervisor left in it."""
        self._account.own(self._data)
        self._account = with_access(self._account, (self._data, self._binary.path))
        self.sweep()
        if self._binary.version < FIRST_WITH_DIRECTORY and (self._data / APPEND_ONLY_DIRECTORY).exists():
            self._say(f"The data in {self._data} are of a newer Redis than {self._binary.path}: it starts empty")
            self._empty()

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
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            phase=Phase.REDIS,
            stdin=configuration.encode(),  # where other users' `ps` does not show the password
            log=self._log,
            sweep=self.sweep,
        )

    def is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=2) as client:
                client.ping()
        except redis.ConnectionError:  # also: it is still loading
            return False
        return True

    def discard_data(self) -> bool:
        """Gives up what it could not start with; whether there was anything."""
        if not any(self._data.iterdir()):
            return False
        self._say(f"redis did not start with the data in {self._data}: it starts empty")
        self._empty()
        return True

    def last_lines(self) -> tuple[str, ...]:
        return tuple(self._log.read_text(errors="replace").splitlines()[-limits.TAIL_LINES :])

    def sweep(self) -> None:
        directory = self._data.resolve()
        proc.end(lambda: proc.working_in(directory))

    def _empty(self) -> None:
        shutil.rmtree(self._data)
        self._account.own(self._data)
