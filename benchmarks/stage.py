"""Starts what a benchmark needs, and stops it at its end: databases with rows, and servers."""

import http.client
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

import orjson
import psycopg
import redis
from cryptography.fernet import Fernet
from psycopg import sql

from benchmarks.load import Loader, wrk_version
from benchmarks.measure import APPLICATION
from benchmarks.usage import Programs, server_pids
from benchmarks.workloads import Keys
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.ports import LOOPBACK, accepts, free_port, listen
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Process, Program
from pms_backend.standalone.programs import MANAGE, PYTHON, stack_of

# Plus a second for each `SKUS_PREPARED_IN_A_SECOND`.
PREPARE_SECONDS: Final = 300
SKUS_PREPARED_IN_A_SECOND: Final = 300
# Every limit counts, of the address, and of the tier of `benchmarks.seed`, and none is reached.
NO_ONE_IS_REFUSED: Final = orjson.dumps(
    dict.fromkeys(("address", "benchmark.read", "benchmark.write"), "1000000/second")
).decode()
START_SECONDS: Final = 30
# The database that all others are copies of.
COMMON: Final = "bench_common"
# A placeholder for a free port.
PORT: Final = 65_535
OURS: Final = "pms_backend.wsgi:application"
LIMIT: Final = "benchmarks.limit:application"
PLAIN_TABLES: Final = "benchmarks.plain_tables:application"
EMPTY_VIEW: Final = "benchmarks.empty_view:application"
EMPTY_VIEW_REDIS: Final = "benchmarks.empty_view_redis:application"
EMPTY_API_VIEW: Final = "benchmarks.empty_api_view:application"


@dataclass(frozen=True, slots=True)
class WebServer:
    """Its port, and its first process."""

    port: int
    pid: int


@dataclass(frozen=True)
class Stage:
    """What runs. Its databases are copies of one that has the rows of `benchmarks.seed`."""

    processes: Processes
    data_dir: DataDir
    # With a database that is migrated and empty.
    environment: Mapping[str, str]
    loader: Loader
    # The first processes of PostgreSQL and Redis, by name.
    server_pids: Mapping[str, int]
    preparation_seconds: float
    _databases: dict[str, dict[str, str]] = field(default_factory=dict)
    _web_servers: dict[tuple[str, str], WebServer] = field(default_factory=dict)

    @property
    def keys(self) -> Keys:
        """What requests are authenticated with."""
        return self.loader.keys

    def database(self, name: str, skus: int = 0) -> dict[str, str]:
        """The environment of a database of its own, filled with so many SKUs when it is first asked for."""
        if name not in self._databases:
            environment = self._databases[name] = copy_database(self.environment, COMMON, f"bench_{name}")
            if skus:
                self.run_inside_django("benchmarks.seed", str(skus), environment=environment, skus=skus)
        return self._databases[name]

    def run_inside_django(
        self, module: str, *arguments: str, environment: Mapping[str, str], skus: int = 0, stdin: bytes = b""
    ) -> list[str]:
        """The lines that a module of the benchmarks prints. Raises `StartupError` if it fails."""
        command = (*PYTHON, "benchmarks.inside_django", module, *arguments)
        program = Program(module, command, environment=environment, stdin=stdin)
        return self.processes.run(program, PREPARE_SECONDS + skus / SKUS_PREPARED_IN_A_SECOND)

    def web_server(self, application: str, database: str) -> WebServer:
        """The web processes of the stack with an application and a database, started when first asked for."""
        key = application, database
        if key not in self._web_servers:
            environment = self._databases[database]
            self._web_servers[key] = serve_web(self.processes, self.data_dir, environment, application)
        return self._web_servers[key]

    def programs(self, pid: int) -> Programs:
        """An application with this first process, and the servers."""
        return Programs({APPLICATION: pid, **self.server_pids})

    @contextmanager
    def ending_what_is_started(self) -> Iterator[None]:
        """Ends the programs that are started within, so that they do not run during later comparisons."""
        before = self.processes.running
        try:
            yield
        finally:
            for process in self.processes.running:
                if process not in before:
                    self.processes.kill(process)

    def forget(self) -> None:
        """Empties Redis, so that nothing of an earlier comparison is done or found in a later one."""
        with redis.Redis.from_url(self.environment["REDIS_URL"]) as client:
            client.flushall()


@contextmanager
def stage(*, clients: int = 16) -> Iterator[Stage]:
    """A migrated database, and nothing else yet. Raises `StartupError`."""
    began = time.monotonic()
    _require_fresh_database()
    with TemporaryDirectory(prefix="pms-bench-") as directory:
        data_dir = DataDir(Path(directory))
        data_dir.create()
        data_dir.empty_metrics()
        environment = _environment(data_dir)
        processes = Processes(data_dir)
        try:
            migrate = Program("migrate", (*MANAGE, "migrate", "--noinput"), environment=environment)
            processes.run(migrate, PREPARE_SECONDS)
            common = copy_database(environment, database_of(environment), COMMON)
            seed = Program("seed", (*PYTHON, "benchmarks.inside_django", "benchmarks.seed"), environment=common)
            keys = Keys(**orjson.loads(processes.run(seed, PREPARE_SECONDS)[-1]))
            loader = Loader(processes, data_dir.root, keys, clients, has_wrk=wrk_version() is not None)
            pids = server_pids(environment["DATABASE_URL"], environment["REDIS_URL"])
            yield Stage(processes, data_dir, environment, loader, pids, time.monotonic() - began)
        finally:
            processes.close()


def copy_database(environment: Mapping[str, str], source: str, name: str) -> dict[str, str]:
    """The environment of a new database, which has what the source has. Nobody may be connected with that."""
    names = sql.Identifier(name), sql.Identifier(source)
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    url = urlsplit(environment["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    return {**environment, "DATABASE_URL": url}


def database_of(environment: Mapping[str, str]) -> str:
    """The name of its database."""
    return urlsplit(environment["DATABASE_URL"]).path.lstrip("/")


def _require_fresh_database() -> None:
    """Raises StartupError unless the database is empty, since thousands of rows are written."""
    missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not os.environ.get(name)]
    if missing:
        raise StartupError(f"{' and '.join(missing)} must be set; pms_backend.standalone.servers sets them")
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT to_regclass('django_migrations') IS NULL").fetchone()
    if row != (True,):
        raise StartupError("DATABASE_URL: that database is in use; the benchmarks need an empty one")


def _environment(data_dir: DataDir) -> dict[str, str]:
    """The environment of `make run`, metrics of several processes included, with rate limits that are never reached."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        **os.environ,
        "RATE_LIMITS": NO_ONE_IS_REFUSED,
        "OUTBOUND_ALLOW": LOOPBACK,
        "DJANGO_SETTINGS_MODULE": "pms_backend.settings",
        "METRICS_DIR": str(data_dir.metrics),
        "PYTHONUNBUFFERED": "1",
    }


def serve_web(
    processes: Processes, data_dir: DataDir, environment: Mapping[str, str], application: str = OURS
) -> WebServer:
    """Starts the web processes, perhaps with another application."""
    port = free_port()
    # The processes inherit the listening socket.
    with listen("PORT", LOOPBACK, port) as listener:
        web = stack_program("web", data_dir, environment)
        words = tuple(application if word == OURS else word for word in web.arguments)
        process = start(processes, replace(web, name=application, arguments=words).listening(listener.fileno()))
    wait_until_it_answers(port, process)
    return WebServer(port, process.pid)


def wait_until_it_answers(port: int, process: Process) -> None:
    """Waits for any answer to an HTTP request. Raises `StartupError`."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.exit_code() is None:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=START_SECONDS)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health/live")
            connection.getresponse().read()
            return
        time.sleep(0.05)
    raise _not_started(process)


def stack_program(name: str, data_dir: DataDir, environment: Mapping[str, str]) -> Program:
    """A program of the stack with its usual flags; its port is the placeholder PORT, its output goes to a file."""
    configuration = Configuration(
        data_dir=data_dir.root,
        host=LOOPBACK,
        port=PORT,
        ws_port=PORT,
        database_url=None,
        redis_url=None,
        inherited={},
    )
    found = next(program for program in stack_of(configuration).programs if program.name == name)
    return replace(found, environment=environment)


def serve(processes: Processes, program: Program) -> tuple[int, int]:
    """Starts a server at a free port instead of PORT; returns the port and the process id."""
    port = free_port()
    arguments = tuple(word.replace(str(PORT), str(port)) for word in program.arguments)
    process = start(processes, replace(program, arguments=arguments))
    deadline = time.monotonic() + START_SECONDS
    while not accepts(LOOPBACK, port, seconds=1):
        if process.exit_code() is not None or time.monotonic() > deadline:
            raise _not_started(process)
        time.sleep(0.05)
    return port, process.pid


def start(processes: Processes, program: Program) -> Process:
    """Starts a program whose output goes to a file of the data directory, as a service's does."""
    log = Path(program.environment["METRICS_DIR"]).parent / f"{program.name.replace(':', '.')}.log"
    return processes.start(replace(program, log=log))


def _not_started(process: Process) -> StartupError:
    log = process.program.log
    lines = log.read_text(errors="replace").splitlines()[-20:] if log else []
    return StartupError(f"{process.program.name} did not start", lines=tuple(lines))
