"""Starts the stack, keeps it running, and stops it."""

import json
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from pms_backend.standalone import limits, quickstart
from pms_backend.standalone.child import Child
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.connections import require_enough
from pms_backend.standalone.console import Console
from pms_backend.standalone.data_dir import DataDir, read_json, write_json
from pms_backend.standalone.embedded import Server, bring_up, create, postgres_server, redis_server
from pms_backend.standalone.exceptions import StartupError, StopRequested
from pms_backend.standalone.ports import listen, require_free
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Program
from pms_backend.standalone.programs import Stack
from pms_backend.standalone.readiness import is_ready
from pms_backend.standalone.shutdown import stop
from pms_backend.standalone.signals import Signals
from pms_backend.standalone.stack_environment import stack_environment


class Supervisor:
    def __init__(self, configuration: Configuration, stack: Stack, console: Console, signals: Signals) -> None:
        self._configuration = configuration
        self._house = stack
        self._console = console
        self._signals = signals
        self._data_dir = DataDir(configuration.data_dir)
        self._servers: list[Child] = []
        self._children: list[Child] = []
        self._environment: dict[str, str] = {}
        self._quickstart: dict[str, Any] = {}

    def run(self) -> None:
        """Returns after Ctrl-C; StartupError if it did not come up. Everything is stopped then."""
        create(self._data_dir)
        with ExitStack() as stack:
            stack.enter_context(self._data_dir.lock())
            self._data_dir.quickstart.unlink(missing_ok=True)
            self._processes = Processes(self._data_dir, self._signals.pause)
            stack.callback(self._processes.close)
            stack.callback(stop, self._processes, self._signals)
            stack.callback(self._data_dir.quickstart.unlink, missing_ok=True)
            try:
                self._start(stack)
                self._supervise()
            except StopRequested:
                self._console.say("Stopping …")

    def _start(self, stack: ExitStack) -> None:
        started_at = time.monotonic()
        if names := self._processes.end_leftovers():
            self._console.say(f"Ended what a killed supervisor left: {', '.join(names)}")
        # Held until the end: while a web process restarts, clients wait instead of being refused.
        listener = stack.enter_context(listen("PORT", self._configuration.host, self._configuration.port))
        self._require_room()
        database_url, redis_url = self._start_servers()
        self._environment = stack_environment(self._configuration, self._data_dir, database_url, redis_url)
        self._console.say("Migrating the database …")
        self._processes.run(self._in_environment(self._house.migrate), limits.SETUP_SECONDS)
        credentials = self._credentials()
        self._quickstart = quickstart.content(self._configuration, credentials, database_url, redis_url)
        self._console.say("Starting the stack …")
        for program in self._house.children:
            given = program.listening(listener.fileno()) if program.is_web else program
            self._children.append(self._child(self._in_environment(given)))
        self._wait_until_ready()
        self._write_quickstart()
        seconds, path = time.monotonic() - started_at, self._data_dir.quickstart
        self._console.say(quickstart.banner(self._quickstart, seconds, path, shows_secrets=self._console.is_terminal))

    def _require_room(self) -> None:
        configuration = self._configuration
        self._data_dir.require_space()
        require_free("WS_PORT", configuration.host, configuration.ws_port)
        configuration.require_reachable()
        require_enough(configuration)

    def _start_servers(self) -> tuple[str, str]:
        """The URLs of both, those given or those of the servers that this starts."""
        database_url, redis_url = self._configuration.database_url, self._configuration.redis_url
        servers: list[Server] = []
        if not redis_url:
            servers.append(redis := redis_server(self._data_dir, say=self._console.say))
            redis_url = redis.url
        if not database_url:
            servers.append(postgres := postgres_server(self._data_dir))
            database_url = postgres.url
        for server in servers:
            self._console.say(f"Starting {server.name} …")
            server.prepare(self._processes)
        self._servers = [self._child(server.program()) for server in servers]
        for server, child in zip(servers, self._servers, strict=True):
            if child.process:
                bring_up(server, child.process, child.start_again, self._signals.pause)
        return database_url, redis_url

    def _child(self, program: Program) -> Child:
        child = Child(program, self._processes, self._console)
        child.start()
        return child

    def _in_environment(self, program: Program) -> Program:
        return replace(program, environment=self._environment)

    def _credentials(self) -> dict[str, Any]:
        if known := read_json(self._data_dir.credentials):
            return known
        self._console.say("Loading the sample data …")
        output = self._processes.run(self._in_environment(self._house.sample_data), limits.SETUP_SECONDS)
        try:
            credentials: dict[str, Any] = json.loads(output[-1])
        except (IndexError, ValueError):
            raise StartupError("load_sample_data did not end with a line of JSON", lines=tuple(output[-5:])) from None
        write_json(self._data_dir.credentials, credentials)
        return credentials

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + limits.READY_SECONDS
        while not is_ready(self._configuration):
            self._tend()
            for child in self._children:
                if child.deaths >= limits.STARTUP_DEATHS:
                    name = child.program.name
                    raise StartupError(f"{name} does not stay up", lines=self._console.tail(name))
            if time.monotonic() > deadline:
                raise StartupError(
                    f"{self._configuration.base_url}/health/ready was not 200 in {limits.READY_SECONDS} s"
                )
            self._signals.pause(limits.POLL_SECONDS)

    def _supervise(self) -> None:
        while True:
            self._signals.pause(limits.TEND_SECONDS)
            if self._tend():
                with suppress(OSError):  # a full disk must not stop what runs
                    self._write_quickstart()

    def _tend(self) -> bool:
        """Whether a pid changed."""
        self._processes.tend()
        changes = [child.tend() for child in (*self._servers, *self._children)]
        return any(changes)

    def _write_quickstart(self) -> None:
        running = {child.program.name: child.pid for child in self._children}
        write_json(self._data_dir.quickstart, {**self._quickstart, "pids": quickstart.pids(running)})
