"""Starts the embedded servers, for the supervisor and for tests."""

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
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
        """Raises `StartupError` if the server can never be ready."""

    def delete_disposable_data(self) -> bool:
        """Deletes the data if they may be lost; returns whether there were any, so that a new start may succeed."""


def make_postgres(data_dir: DataDir, *, durable: bool = True) -> PostgresServer:
    password = data_dir.secret("postgres_password", secrets.token_urlsafe)
    return PostgresServer(data_dir, password, durable=durable)


def make_redis(data_dir: DataDir, *, durable: bool = True, say: Callable[[str], None] = lambda _: None) -> RedisServer:
    password = data_dir.secret("redis_password", secrets.token_urlsafe)
    return RedisServer(data_dir, password, durable=durable, say=say)


def create(data_dir: DataDir) -> None:
    """Creates DATA_DIR. The servers' account may pass through a new one, so that it needs no capability."""
    if data_dir.create():
        server_account(data_dir.postgres).allow_passage(data_dir.root)


def wait_or_start_empty(
    server: Server, process: Process, restart: Callable[[], Process], pause: Callable[[float], None]
) -> Process:
    """Waits until the server is ready. If it ended, restarts it without its data if they may be lost.

    Raises `StartupError` if it does not get ready.
    """
    try:
        wait_until_ready(server, process, pause)
    except StartupError:
        if process.exit_code() is None or not server.delete_disposable_data():
            raise
        process = restart()
        wait_until_ready(server, process, pause)
    return process


def wait_until_ready(server: Server, process: Process, pause: Callable[[float], None]) -> None:
    deadline = time.monotonic() + limits.SERVER_START_SECONDS
    while not server.is_ready():
        if process.exit_code() is not None:
            lines = _last_lines(process.program.log)
            reason = lines[-1] if lines else f"exit code {process.exit_code()}"
            raise StartupError(f"{server.name} did not start: {reason}", lines=lines)
        if time.monotonic() > deadline:
            raise StartupError(f"{server.name} did not answer within {limits.SERVER_START_SECONDS} s")
        pause(limits.POLL_SECONDS)


def _last_lines(log: Path | None) -> tuple[str, ...]:
    return tuple(log.read_text(errors="replace").splitlines()[-limits.TAIL_LINES :]) if log else ()


def start_all(servers: Sequence[Server], processes: Processes) -> list[Process]:
    """Starts all servers at once; returns when all are ready."""
    for server in servers:
        server.prepare(processes)
    started = [processes.start(server.program()) for server in servers]

    def restart(server: Server, process: Process) -> Process:
        processes.kill(process)
        return processes.start(server.program())

    return [
        wait_or_start_empty(server, process, partial(restart, server, process), processes.pause)
        for server, process in zip(servers, started, strict=True)
    ]


class EmbeddedServers(ExitStack):
    """PostgreSQL and Redis of a data directory, without the rest of the stack.

    `with EmbeddedServers(path) as servers:` gives `servers.database_url` and `servers.redis_url`. The servers end with
    the block, and with this process if it is killed. Raises `StartupError` if they do not start, or the directory is
    in use.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        """`durable=False` is for tests: much faster, and a power cut may cost all data."""
        super().__init__()
        self._data_dir = DataDir(data_dir)
        self._durable = durable
        self.database_url = ""
        self.redis_url = ""

    def start(self) -> None:
        create(self._data_dir)
        with ExitStack() as started:
            started.enter_context(self._data_dir.lock())
            processes = Processes(self._data_dir)
            started.callback(processes.close)
            processes.end_orphans()
            postgres = make_postgres(self._data_dir, durable=self._durable)
            redis = make_redis(self._data_dir, durable=self._durable)
            for process in start_all((redis, postgres), processes):
                started.callback(processes.stop, process, limits.SERVER_STOP_SECONDS)
            self.database_url, self.redis_url = postgres.url, redis.url
            self.push(started.pop_all())

    stop = ExitStack.close

    def __enter__(self) -> Self:
        self.start()
        return self
