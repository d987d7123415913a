"""The programs of the stack, listed once: for `make run`, for the image and for docker-compose.yml.

`python -m pms_backend.standalone.programs NAME` becomes the program of that name, with the HOST, PORT, WS_PORT and
DATA_DIR of its environment. Any other command line runs as it is given.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.exceptions import StartupError, report_startup_errors
from pms_backend.standalone.program import Phase, Program

WEB_PROCESSES = 2
# Threads wait for rows that others lock; more of them than this only wait for the interpreter's lock.
WEB_THREADS = 4
# As many as the limits of the queues' tasks allow to run at once (`ConcurrencyLimit`), and one that stays free for
# heartbeats. Threads and no processes: the work waits for PostgreSQL and other servers, and a process takes 70 MB.
SYNC_THREADS = 4
WORKER_THREADS = 6

PYTHON = (sys.executable, "-m")
MANAGE = (sys.executable, "manage.py")
# That root may run what `make run` starts is said once, in the docs, not at every start by two workers.
QUIET_ABOUT_ROOT = ("-W", "ignore:You're running the worker with superuser privileges")
CELERY = (sys.executable, *QUIET_ABOUT_ROOT, "-m", "celery", "--quiet", "--app", "pms_backend.celery")
WORKER = (*CELERY, "worker", "--loglevel", "WARNING", "--without-gossip", "--without-mingle")
# As inventory/socket_limits.py has it. Without compression: it would be done for each client anew, a thousand times for
# one change, and keep 40 kB for each.
SOCKET_LIMITS = ("--ws-max-size", str(256 * 1024), "--ws-per-message-deflate", "false")


@dataclass(frozen=True)
class Stack:
    migrate: Program
    sample_data: Program  # the last line of its stdout is a JSON object of credentials
    children: tuple[Program, ...]


def stack_of(configuration: Configuration) -> Stack:
    host, ws_port = configuration.host, str(configuration.ws_port)
    run = DataDir(configuration.data_dir).run
    return Stack(
        migrate=Program("migrate", (*MANAGE, "migrate", "--noinput")),
        sample_data=Program("load_sample_data", (*MANAGE, "load_sample_data")),
        children=(
            Program("web", (
                *PYTHON, "gunicorn", "pms_backend.wsgi:application", "--preload", "--log-level", "warning",
                "--worker-class", "pms_backend.web_server.worker.WebWorker",
                "--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS),
            ), is_web=True),
            Program("sockets", (
                *PYTHON, "uvicorn", "pms_backend.asgi:application", "--ws", "websockets-sansio", "--lifespan", "off",
                *SOCKET_LIMITS,
                "--host", host, "--port", ws_port, "--timeout-graceful-shutdown", "3", "--log-level", "warning",
                "--no-access-log", "--no-proxy-headers", "--no-server-header",
            )),
            Program("relay", (
                *WORKER, "--queues", "relay", "--pool", "solo", "--hostname", "relay@%h",
            ), Phase.WORKERS),
            Program("sync", (
                *WORKER, "--queues", "sync", "--pool", "threads", "--concurrency", str(SYNC_THREADS),
                "--hostname", "sync@%h",
            ), Phase.WORKERS),
            # The queues `pms` and `deliveries` have no tasks yet: with their first, each gets a program of its own.
            Program("worker", (
                *WORKER, "--queues", "default,pms,deliveries", "--pool", "threads",
                "--concurrency", str(WORKER_THREADS), "--hostname", "worker@%h",
            ), Phase.WORKERS),
            Program("beat", (
                *CELERY, "beat", "--loglevel", "WARNING", "--schedule", str(run / "beat-schedule"), "--pidfile=",
            )),
        ),
    )  # fmt: skip


def find_command(arguments: Sequence[str], configuration: Configuration) -> tuple[str, ...]:
    """Returns the command line of the program with this name, or `arguments` unless they are the name of a program."""
    stack = stack_of(configuration)
    programs = {program.name: program for program in (stack.migrate, stack.sample_data, *stack.children)}
    if len(arguments) != 1 or arguments[0] not in programs:
        return tuple(arguments)
    program = programs[arguments[0]]
    address = f"[{configuration.host}]" if ":" in configuration.host else configuration.host
    return (*program.arguments, "--bind", f"{address}:{configuration.port}") if program.is_web else program.arguments


def main() -> None:
    with report_startup_errors():
        command = find_command(sys.argv[1:], Configuration.from_environment(os.environ))
        if not command:
            raise StartupError("the name of a program is needed, such as web")
        try:
            os.execvp(command[0], command)  # noqa: S606 - a shell would get the signals in its place
        except OSError as error:
            raise StartupError(f"{command[0]}: {error.strerror}") from error


if __name__ == "__main__":
    main()
