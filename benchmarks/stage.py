"""Starts the database, the rows and the servers of a benchmark, and stops them at its end."""

import http.client
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import psycopg
from cryptography.fernet import Fernet

from benchmarks.load import Load, Order
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.console import Console
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.ports import LOOPBACK, accepts, free_port, listen
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Process, Program
from pms_backend.standalone.programs import MANAGE, PYTHON, stack_of

# Plus a second for each `SKUS_PREPARED_IN_A_SECOND`.
PREPARE_SECONDS = 300
SKUS_PREPARED_IN_A_SECOND = 300
NO_ONE_IS_REFUSED = '{"address": "1000000/second"}'
START_SECONDS = 30
# In addition to the time of the load: its start, and its timeout for a silent server.
LOAD_SECONDS = 30
# A placeholder for a free port.
PORT = 65_535
OURS = "pms_backend.wsgi:application"
LIMIT = "benchmarks.limit:application"
PLAIN_TABLES = "benchmarks.plain_tables:application"
WEBHOOK_LIMIT = "benchmarks.webhooks:application"
EMPTY_VIEW = "benchmarks.empty_view:application"


@dataclass(frozen=True)
class Stage:
    """The running servers; the one of the plain tables is optional."""

    processes: Processes
    environment: dict[str, str]
    api_key: str
    limit_port: int
    our_port: int
    plain_port: int | None = None

    def load(self, order: Order) -> Load:
        """Runs a load generator. Raises StartupError if it fails."""
        program = Program(
            "load",
            (*PYTHON, "benchmarks.load"),
            environment=self.environment,
            stdin=orjson.dumps(asdict(order)),
        )
        lines = self.processes.run(program, order.seconds + LOAD_SECONDS)
        return Load(**orjson.loads(lines[-1]))


@contextmanager
def stage(
    *arguments: str, seed: str = "benchmarks.seed", limit: str = LIMIT, has_plain_tables: bool = False
) -> Iterator[Stage]:
    """A migrated database with each side's rows, and the web servers. Raises StartupError."""
    with seeded(*arguments, seed=seed) as (processes, data_dir, environment, api_key):
        limit_port, our_port, *more = (
            serve_web(processes, data_dir, environment, application)
            for application in (limit, OURS, *([PLAIN_TABLES] if has_plain_tables else []))
        )
        plain_port = more[0] if more else None
        yield Stage(processes, environment, api_key, limit_port, our_port, plain_port)


@contextmanager
def seeded(*arguments: str, seed: str = "benchmarks.seed") -> Iterator[tuple[Processes, DataDir, dict[str, str], str]]:
    """The same without servers: processes, their directory and environment, and an API key."""
    _require_fresh_database()
    with TemporaryDirectory(prefix="pms-bench-") as directory:
        data_dir = DataDir(Path(directory))
        data_dir.create()
        data_dir.empty_metrics()
        environment = _environment(data_dir)
        processes = Processes(data_dir)
        try:
            seconds = PREPARE_SECONDS + int(arguments[-1]) / SKUS_PREPARED_IN_A_SECOND
            processes.run(Program("migrate", (*MANAGE, "migrate", "--noinput"), environment=environment), seconds)
            rows = Program("seed", (*PYTHON, seed, *arguments), environment=environment)
            api_key = processes.run(rows, seconds)[-1]
            yield processes, data_dir, environment, api_key
        finally:
            processes.close()


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
    defaults = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "RATE_LIMITS": NO_ONE_IS_REFUSED,
    }
    return {**defaults, **os.environ, "METRICS_DIR": str(data_dir.metrics), "PYTHONUNBUFFERED": "1"}


def serve_web(processes: Processes, data_dir: DataDir, environment: dict[str, str], application: str) -> int:
    """Starts the web processes with another application; returns the port that they share."""
    port = free_port()
    # The processes inherit the listening socket.
    with listen("PORT", LOOPBACK, port) as listener:
        web = stack_program("web", data_dir, environment)
        words = tuple(application if word == OURS else word for word in web.arguments)
        start(processes, replace(web, name=application, arguments=words).listening(listener.fileno()))
    wait_until_it_answers(port)
    return port


def wait_until_it_answers(port: int) -> None:
    """Waits for any answer to an HTTP request. Raises `StartupError`."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=START_SECONDS)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health/live")
            connection.getresponse().read()
            return
        time.sleep(0.05)
    raise StartupError(f"nothing answers at port {port}")


def stack_program(name: str, data_dir: DataDir, environment: dict[str, str]) -> Program:
    """A program of the stack with its usual flags; its port is the placeholder PORT."""
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
            raise StartupError(f"{program.name} did not start")
        time.sleep(0.05)
    return port, process.pid


def start(processes: Processes, program: Program) -> Process:
    """Starts a program whose lines of output are shown."""
    console = Console()
    return processes.start(program, lambda line: console.line(program.name, line))
