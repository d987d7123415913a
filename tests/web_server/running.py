"""The web server for tests: its processes as `make run` starts them, or one of it within the test."""

import http.client
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from pms_backend.standalone.children import the_house
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.ports import LOOPBACK, listen
from pms_backend.web_server.server import WebServer, WSGIApplication
from tests.flows.stack import ROOT
from tests.ports import free_port_pair

START_SECONDS = 60


@contextmanager
def web_processes(directory: Path) -> Iterator[tuple[int, int]]:
    """The web program of the stack on the test database; its port and its pid."""
    port = free_port_pair()
    configuration = Configuration.from_environment({"DATA_DIR": str(directory), "PORT": str(port)})
    database = connection.settings_dict["NAME"]
    url = os.environ["DATABASE_URL"].partition("?")
    environment = {**os.environ, "DATABASE_URL": url[0].rpartition("/")[0] + f"/{database}" + "".join(url[1:])}
    with ExitStack() as stack:
        listener = stack.enter_context(listen("PORT", LOOPBACK, port))
        (web,) = (program for program in the_house(configuration).children if program.is_web)
        given = web.listening(listener.fileno())
        process = subprocess.Popen(
            given.arguments, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, pass_fds=given.files
        )
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        wait_until_it_answers(port)
        yield port, process.pid


@contextmanager
def web_server(application: WSGIApplication, *, threads: int = 2) -> Iterator[int]:
    """A server in a thread of the test, which knows the bounds that the test has set; its port."""
    listener = socket.create_server((LOOPBACK, 0))
    server = WebServer(application, listener, threads=threads)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)
        thread.join(5)


def wait_until_it_answers(port: int) -> None:
    """Waits for an answer of any kind."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            request(port, "GET", "/health/live")
            return
        time.sleep(0.1)
    pytest.fail("The web server does not answer.")


def request(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
    """One request on a connection of its own; the answer, read."""
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=20)) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, path, body, named)
        answer = client.getresponse()
        answer.content = answer.read()  # type: ignore[attr-defined]
        return answer
