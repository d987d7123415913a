"""The programs of the stack, listed once: for `make run`, for the image and for docker-compose.yml.

`python -m pms_backend.standalone.programs NAME` becomes the program of that name, with the HOST, PORT, WS_PORT and
DATA_DIR of its environment. Any other command line runs as it is given.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.env_file import load_env_file
from pms_backend.standalone.exceptions import StartupError, report_startup_errors
from pms_backend.standalone.program import Program, StopOrder

WEB_PROCESSES = 2
# Threads wait for rows that others lock; more of them than this only wait for the interpreter's lock.
WEB_THREADS = 4
# As many as the limits of the queues' tasks allow to run at once (`ConcurrencyLimit`), and one that stays free for
# heartbeats. Threads and no processes: the work waits for PostgreSQL and other servers, and a process takes 70 MB.
SYNC_THREADS = 4
PMS_THREADS = 15
DELIVERY_THREADS = 2
WORKER_THREADS = 6
# Those of the hub, and of the threads that read for the sockets (pms_backend/api/async_database.py).
SOCKET_CONNECTIONS = 5
# In each web process a thread reads for /health/ready, and two for /metrics.
READING_THREADS = 3
# The most connections to PostgreSQL, by program: each thread that uses the database holds one.
CONNECTIONS: Final = {
    "web": WEB_PROCESSES * (WEB_THREADS + READING_THREADS),
    "sockets": SOCKET_CONNECTIONS,
    "relay": 1,
    "sync": SYNC_THREADS,
    "pms": PMS_THREADS,
    "deliveries": DELIVERY_THREADS,
    "worker": WORKER_THREADS,
    "beat": 1,
    # The checks of health, the conditions of the business, and the rows of alerts.
    "monitor": 3,
    # The migration, a command of manage.py, a psql.
    "commands": 3,
}

PYTHON = (sys.executable, "-m")
MANAGE = (sys.executable, "manage.py")
# The documentation says that `make run` may run as root; without this, each worker would warn about it at each start.
NO_ROOT_WARNING = ("-W", "ignore:You're running the worker with superuser privileges")
CELERY = (sys.executable, *NO_ROOT_WARNING, "-m", "celery", "--quiet", "--app", "pms_backend.celery")
WORKER = (*CELERY, "worker", "--without-gossip", "--without-mingle")
# The size is that of inventory/socket_limits.py. Without compression, which would compress each change anew for each of
# a thousand clients, and take 40 kB of memory for each; a frame that serves all clients would not be possible.
SOCKET_PROTOCOL = (
    *("--ws", "pms_backend.socket_protocol:SocketProtocol"),
    *("--ws-max-size", str(256 * 1024), "--ws-per-message-deflate", "false"),
)


@dataclass(frozen=True)
class Stack:
    migrate: Program
    sample_data: Program  # the last line of its stdout is a JSON object of credentials
    programs: tuple[Program, ...]


def stack_of(configuration: Configuration) -> Stack:
    host, ws_port = configuration.host, str(configuration.ws_port)
    run = DataDir(configuration.data_dir).run
    return Stack(
        migrate=Program("migrate", (*MANAGE, "migrate", "--noinput")),
        sample_data=Program("load_sample_data", (*MANAGE, "load_sample_data")),
        programs=(
            Program("web", (
                *PYTHON, "gunicorn", "pms_backend.wsgi:application", "--preload", "--log-level", "warning",
                "--worker-class", "pms_backend.web_server.worker.WebWorker",
                "--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS),
            ), is_web=True),
            Program("sockets", (
                *PYTHON, "uvicorn", "pms_backend.asgi:application", *SOCKET_PROTOCOL, "--lifespan", "off",
                "--host", host, "--port", ws_port, "--timeout-graceful-shutdown", "3", "--log-level", "warning",
                "--no-access-log", "--no-proxy-headers", "--no-server-header",
            )),
            Program("relay", (
                *WORKER, "--queues", "relay", "--pool", "solo", "--hostname", "relay@%h",
            ), StopOrder.WORKERS),
            Program("sync", (
                *WORKER, "--queues", "sync", "--pool", "threads", "--concurrency", str(SYNC_THREADS),
                "--hostname", "sync@%h",
            ), StopOrder.WORKERS),
            Program("pms", (
                *WORKER, "--queues", "pms", "--pool", "threads", "--concurrency", str(PMS_THREADS),
                "--hostname", "pms@%h",
            ), StopOrder.WORKERS),
            Program("deliveries", (
                *WORKER, "--queues", "deliveries", "--pool", "threads", "--concurrency", str(DELIVERY_THREADS),
                "--hostname", "deliveries@%h",
            ), StopOrder.WORKERS),
            Program("worker", (
                *WORKER, "--queues", "default", "--pool", "threads", "--concurrency", str(WORKER_THREADS),
                "--hostname", "worker@%h",
            ), StopOrder.WORKERS),
            Program("beat", (
                *CELERY, "beat", "--schedule", str(run / "beat-schedule"), "--pidfile=",
            )),
            Program("monitor", (*MANAGE, "monitor")),
        ),
    )  # fmt: skip


def find_command(arguments: Sequence[str], configuration: Configuration) -> tuple[str, ...]:
    """Returns the command line of the program with this name, or `arguments` unless they are the name of a program."""
    stack = stack_of(configuration)
    programs = {program.name: program for program in (stack.migrate, stack.sample_data, *stack.programs)}
    if len(arguments) != 1 or arguments[0] not in programs:
        return tuple(arguments)
    program = programs[arguments[0]]
    address = f"[{configuration.host}]" if ":" in configuration.host else configuration.host
    return (*program.arguments, "--bind", f"{address}:{configuration.port}") if program.is_web else program.arguments


def main() -> None:
    with report_startup_errors():
        load_env_file()
        command = find_command(sys.argv[1:], Configuration.from_environment(os.environ))
        os.environ.setdefault("PROGRAM", sys.argv[1] if len(sys.argv) > 1 else "")
        if not command:
            raise StartupError("the name of a program is needed, such as web")
        try:
            os.execvp(command[0], command)  # noqa: S606 - a shell would get the signals in its place
        except OSError as error:
            raise StartupError(f"{command[0]}: {error.strerror}") from error


if __name__ == "__main__":
    main()
