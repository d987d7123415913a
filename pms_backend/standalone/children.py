"""The house, as the commands that run it."""

import sys
from dataclasses import dataclass

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.program import Phase, Program

WEB_WORKERS = 2
# Threads wait for rows that others lock; more of them than this only wait for the interpreter's lock.
WEB_THREADS = 4
# So long a thread without work is kept, with its connections and what PostgreSQL has prepared for it: the longest that
# the server allows.
WEB_THREAD_IDLE_SECONDS = 600
# Of each process; it has no more readers of bodies (pms_backend/api/limits.py).
WEB_CONNECTIONS = 512
# How long a client may take for the head of a request, and an idle connection for its next.
HEAD_TIMEOUT_SECONDS = 10
# What the server keeps of a request's head; the application refuses less (pms_backend/api/limits.py).
HEAD_BUFFER_BYTES = 128 * 1024
WORKER_PROCESSES = 2

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
class House:
    migrate: Program
    sample_data: Program  # the last line of its stdout is a JSON object of credentials
    children: tuple[Program, ...]


def the_house(configuration: Configuration) -> House:
    host, port, ws_port = configuration.host, str(configuration.port), str(configuration.ws_port)
    run = DataDir(configuration.data_dir).run
    return House(
        migrate=Program("migrate", (*MANAGE, "migrate", "--noinput")),
        sample_data=Program("load_sample_data", (*MANAGE, "load_sample_data")),
        children=(
            Program("web", (
                *PYTHON, "granian", "pms_backend.wsgi:application", "--interface", "wsgi", "--http", "1", "--no-ws",
                "--host", host, "--port", port, "--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS),
                "--blocking-threads-idle-timeout", str(WEB_THREAD_IDLE_SECONDS),
                "--http1-header-read-timeout", str(HEAD_TIMEOUT_SECONDS * 1000),
                "--http1-buffer-size", str(HEAD_BUFFER_BYTES), "--backpressure", str(WEB_CONNECTIONS),
                "--respawn-failed-workers", "--workers-kill-timeout", "3", "--log-level", "warning",
            )),
            Program("sockets", (
                *PYTHON, "uvicorn", "pms_backend.asgi:application", "--ws", "websockets-sansio", "--lifespan", "off",
                *SOCKET_LIMITS,
                "--host", host, "--port", ws_port, "--timeout-graceful-shutdown", "3", "--log-level", "warning",
                "--no-access-log", "--no-proxy-headers", "--no-server-header",
            )),
            Program("relay", (
                *WORKER, "--queues", "relay", "--pool", "solo", "--hostname", "relay@%h",
            ), Phase.WORKERS),
            Program("worker", (
                *WORKER, "--queues", "default", "--concurrency", str(WORKER_PROCESSES), "--hostname", "worker@%h",
            ), Phase.WORKERS),
            Program("beat", (
                *CELERY, "beat", "--loglevel", "WARNING", "--schedule", str(run / "beat-schedule"), "--pidfile=",
            )),
        ),
    )  # fmt: skip
