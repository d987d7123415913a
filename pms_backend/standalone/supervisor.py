"""Starts the stack, restarts programs that end, and stops it."""

import http.client
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from pms_backend.standalone import limits, quickstart
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.console import Console
from pms_backend.standalone.data_dir import DataDir, read_json, write_json
from pms_backend.standalone.embedded import Server, create, make_postgres, make_redis, wait_or_start_empty
from pms_backend.standalone.exceptions import StartupError, StopRequested
from pms_backend.standalone.ports import listen, loopback_address, require_free
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Process, Program, StopOrder
from pms_backend.standalone.programs import CONNECTIONS, Stack
from pms_backend.standalone.stack_environment import stack_environment
from pms_backend.standalone.stop_signals import StopSignals
from pms_backend.standalone.supervised_program import SupervisedProgram

READY_PATH = "/health/ready"
# The checks of what was started. Others may fail for reasons outside, such as a PMS that does not answer.
STARTED_CHECKS = ("database", "migrations", "redis", "worker", "relay", "beat", "sockets")
WORKING = ("ok", "degraded")


class Supervisor:
    def __init__(self, configuration: Configuration, stack: Stack, console: Console, signals: StopSignals) -> None:
        self._configuration = configuration
        self._stack = stack
        self._console = console
        self._signals = signals
        self._data_dir = DataDir(configuration.data_dir)
        self._servers: list[SupervisedProgram] = []
        self._programs: list[SupervisedProgram] = []
        self._environment: dict[str, str] = {}
        self._quickstart: dict[str, Any] = {}

    def run(self) -> None:
        """Returns after Ctrl-C. Raises `StartupError` if the stack does not start. Stops everything in both cases."""
        create(self._data_dir)
        with ExitStack() as cleanup:
            cleanup.callback(self._console.close)
            cleanup.enter_context(self._data_dir.lock())
            self._data_dir.quickstart.unlink(missing_ok=True)
            self._processes = Processes(self._data_dir, self._signals.pause)
            cleanup.callback(self._processes.close)
            cleanup.callback(stop, self._processes, self._signals)
            cleanup.callback(self._data_dir.programs.unlink, missing_ok=True)
            cleanup.callback(self._data_dir.quickstart.unlink, missing_ok=True)
            try:
                self._start(cleanup)
                self._supervise()
            except StopRequested:
                self._console.say("Stopping …")

    def _start(self, cleanup: ExitStack) -> None:
        started_at = time.monotonic()
        if names := self._processes.end_orphans():
            self._console.say(f"Ended what a killed supervisor left running: {', '.join(names)}")
        # Open until the end: while the web server restarts, clients wait instead of being refused.
        listener = cleanup.enter_context(listen("PORT", self._configuration.host, self._configuration.port))
        self._check_requirements()
        database_url, redis_url = self._start_servers()
        self._environment = stack_environment(self._configuration, self._data_dir, database_url, redis_url)
        self._console.say("Migrating the database …")
        self._processes.run(self._in_environment(self._stack.migrate), limits.SETUP_SECONDS)
        credentials = self._credentials()
        self._quickstart = quickstart.content(self._configuration, credentials, database_url, redis_url)
        self._console.say("Starting the stack …")
        for program in self._stack.programs:
            listening = program.listening(listener.fileno()) if program.is_web else program
            self._programs.append(self._start_supervised(self._in_environment(listening)))
        self._write_programs()
        self._wait_until_ready()
        self._write_quickstart()
        seconds, path = time.monotonic() - started_at, self._data_dir.quickstart
        self._console.say(quickstart.banner(self._quickstart, seconds, path, shows_secrets=self._console.is_terminal))

    def _check_requirements(self) -> None:
        configuration = self._configuration
        self._data_dir.require_space()
        require_free("WS_PORT", configuration.host, configuration.ws_port)
        configuration.require_reachable()
        configuration.require_connections(CONNECTIONS)

    def _start_servers(self) -> tuple[str, str]:
        """Returns the URLs of PostgreSQL and Redis; starts those that are not given."""
        database_url, redis_url = self._configuration.database_url, self._configuration.redis_url
        servers: list[Server] = []
        if not redis_url:
            servers.append(redis := make_redis(self._data_dir, say=self._console.say))
            redis_url = redis.url
        if not database_url:
            servers.append(postgres := make_postgres(self._data_dir))
            database_url = postgres.url
        for server in servers:
            self._console.say(f"Starting {server.name} …")
            server.prepare(self._processes)
        self._servers = [self._start_supervised(server.program()) for server in servers]
        for server, supervised in zip(servers, self._servers, strict=True):
            if supervised.process:
                wait_or_start_empty(server, supervised.process, supervised.restart, self._signals.pause)
        return database_url, redis_url

    def _start_supervised(self, program: Program) -> SupervisedProgram:
        supervised = SupervisedProgram(program, self._processes, self._console)
        supervised.start()
        return supervised

    def _in_environment(self, program: Program) -> Program:
        return replace(program, environment={**self._environment, "PROGRAM": program.name})

    def _credentials(self) -> dict[str, Any]:
        if stored := read_json(self._data_dir.credentials):
            return stored
        self._console.say("Loading the sample data …")
        output = self._processes.run(self._in_environment(self._stack.sample_data), limits.SETUP_SECONDS)
        try:
            credentials: dict[str, Any] = json.loads(output[-1])
        except (IndexError, ValueError):
            raise StartupError("load_sample_data did not end with a line of JSON", lines=tuple(output[-5:])) from None
        write_json(self._data_dir.credentials, credentials)
        return credentials

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + limits.READY_SECONDS
        while problem := find_problem(self._configuration):
            self._restart_ended()
            for supervised in self._programs:
                if supervised.end_count >= limits.STARTUP_ENDS:
                    name = supervised.program.name
                    raise StartupError(f"{name} does not stay up", lines=self._console.tail(name))
            if time.monotonic() > deadline:
                raise StartupError(f"not everything works after {limits.READY_SECONDS} s; {READY_PATH} says: {problem}")
            self._signals.pause(limits.POLL_SECONDS)

    def _supervise(self) -> None:
        while True:
            self._signals.pause(limits.CHECK_SECONDS)
            if self._restart_ended():
                with suppress(OSError):  # a full disk must not stop what runs
                    self._write_quickstart()

    def _restart_ended(self) -> bool:
        """Restarts the programs that have ended; returns whether a pid changed."""
        self._processes.restart_orphan_reaper_if_ended()
        changes = [supervised.restart_if_due() for supervised in (*self._servers, *self._programs)]
        if any(changes):
            with suppress(OSError):
                self._write_programs()
        return any(changes)

    def _write_programs(self) -> None:
        records = {one.program.name: one.record for one in (*self._servers, *self._programs)}
        write_json(self._data_dir.programs, {"programs": records})

    def _write_quickstart(self) -> None:
        running = {supervised.program.name: supervised.pid for supervised in self._programs}
        write_json(self._data_dir.quickstart, {**self._quickstart, "pids": quickstart.pids(running)})


def find_problem(configuration: Configuration) -> str:
    """Asks the web server; returns what does not work yet of what was started, empty if all does."""
    seconds = limits.READY_REQUEST_SECONDS
    connection = http.client.HTTPConnection(loopback_address(configuration.host), configuration.port, timeout=seconds)
    try:
        connection.request("GET", READY_PATH, headers={"Host": configuration.site_name})
        answer = connection.getresponse()
        checks = json.loads(answer.read())["checks"]
    except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
        return f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    missing = {"status": "unknown", "detail": "not checked"}
    found = {name: checks.get(name, missing) for name in STARTED_CHECKS}
    # There are no details where METRICS_TOKEN is set, which is not sent.
    return "; ".join(
        f"{name}: {check['detail'] or check['status']}"
        for name, check in found.items()
        if check["status"] not in WORKING
    )


def stop(processes: Processes, signals: StopSignals) -> None:
    """Stops all processes in the order of `StopOrder`. A second Ctrl-C ends the waiting, and the order stays."""
    running = processes.running
    producers, workers, redis, postgres = (
        [process for process in running if process.program.stop_order is order] for order in StopOrder
    )
    began = time.monotonic()

    def ask_and_wait(asked: Sequence[Process], awaited: Sequence[Process], until: float) -> None:
        for process in asked:
            process.ask_to_stop()
        while any(process.exit_code() is None for process in awaited) and time.monotonic() < until:
            if signals.is_interrupted_again(limits.POLL_SECONDS):
                return

    ask_and_wait(producers, producers, began + limits.PRODUCER_STOP_SECONDS)
    ask_and_wait(workers, producers + workers, began + limits.STACK_STOP_SECONDS)
    for process in producers + workers:
        processes.kill(process)
    for server, seconds in ((redis, limits.REDIS_STOP_SECONDS), (postgres, limits.POSTGRES_STOP_SECONDS)):
        ask_and_wait(server, server, time.monotonic() + seconds)
        for process in server:
            processes.kill(process)
