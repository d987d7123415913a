"""The embedded servers together: the one way in which the supervisor and the tests start them."""

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from pms_backend.standalone import limits
from pms_backend.standalone.account import server_account
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.postgres_server import PostgresServer
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Process, Program
from pms_backend.standalone.redis_server import RedisServer


class Server(Protocol):
    name: str
    url: str

    def prepare(self, processes: Processes) -> None: ...
    def program(self) -> Program: ...
    def is_ready(self) -> bool:
        """StartupError if it never will be."""

    def discard_data(self) -> bool:
        """After a start that failed: gives up data that may be lost; whether there were any, so that it can be tried
        again."""

    def last_lines(self) -> tuple[str, ...]: ...


def postgres_server(data_dir: DataDir, *, durable: bool = True) -> PostgresServer:
    password = data_dir.secret("postgres_password", secrets.token_urlsafe)
    return PostgresServer(data_dir, password, durable=durable)


def redis_server(
    data_dir: DataDir, *, durable: bool = True, say: Callable[[str], None] = lambda _: None
) -> RedisServer:
    password = data_dir.secret("redis_password", secrets.token_urlsafe)
    return RedisServer(data_dir, password, durable=durable, say=say)


def create(data_dir: DataDir) -> None:
    """Makes DATA_DIR; one that is new lets the servers' account pass, which spares them a capability."""
    if data_dir.create():
        server_account(data_dir.postgres).let_through(data_dir.root)


def bring_up(
    server: Server, process: Process, restart: Callable[[], Process], pause: Callable[[float], None]
) -> Process:
    """Waits until it answers. One that ended is started once more where its data may be lost, else StartupError."""
    try:
        wait_until_ready(server, process, pause)
    except StartupError:
        if process.exit_code() is None or not server.discard_data():
            raise
        process = restart()
        wait_until_ready(server, process, pause)
    return process


def wait_until_ready(server: Server, process: Process, pause: Callable[[float], None]) -> None:
    deadline = time.monotonic() + limits.SERVER_START_SECONDS
    while not server.is_ready():
        if process.exit_code() is not None:
            lines = server.last_lines()
            reason = lines[-1] if lines else f"exit code {process.exit_code()}"
            raise StartupError(f"{server.name} did not start: {reason}", lines=lines)
        if time.monotonic() > deadline:
            raise StartupError(f"{server.name} did not answer within {limits.SERVER_START_SECONDS} s")
        pause(limits.POLL_SECONDS)


def start_all(servers: Sequence[Server], processes: Processes) -> list[Process]:
    """All at once; returns when each answers."""
    for server in servers:
        server.prepare(processes)
    started = [processes.start(server.program()) for server in servers]

    def start_again(server: Server, process: Process) -> Process:
        processes.discard(process)
        return processes.start(server.program())

    return [
        bring_up(server, process, partial(start_again, server, process), processes.pause)
        for server, process in zip(servers, started, strict=True)
    ]


class EmbeddedServers:
    """PostgreSQL and Redis of a data directory, alone.

    `with EmbeddedServers(path) as servers:` has `servers.database_url` and `servers.redis_url`. They end with the
    block, and with this process if it is killed. StartupError where they do not start, or the directory is in use.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        """`durable=False` is for tests: much faster, and a power cut may cost all data."""
        self._data_dir = DataDir(data_dir)
        self._durable = durable
        self._open = ExitStack()
        self.database_url = ""
        self.redis_url = ""

    def start(self) -> None:
        create(self._data_dir)
        with ExitStack() as started:
            started.enter_context(self._data_dir.lock())
            processes = Processes(self._data_dir)
            started.callback(processes.close)
            processes.end_leftovers()
            postgres = postgres_server(self._data_dir, durable=self._durable)
            redis = redis_server(self._data_dir, durable=self._durable)
            for process in start_all((redis, postgres), processes):
                started.callback(processes.stop, process, limits.SERVER_STOP_SECONDS)
            self.database_url, self.redis_url = postgres.url, redis.url
            self._open = started.pop_all()

    def stop(self) -> None:
        self._open.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
