"""The web server as the stack starts it, on the test database, and figures of its processes from the kernel."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.db import connection

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.ports import LOOPBACK, listen
from pms_backend.standalone.programs import WEB_PROCESSES, stack_of
from tests.flows.stack import ROOT
from tests.ports import free_port_pair

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class WebServer:
    """Its port and its first process."""

    port: int
    pid: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web_server(
    data_dir: Path, options: Sequence[str] = (), *, log: Path | None = None, **more: str
) -> Iterator[WebServer]:
    """The web program of the stack, with `options` added to its command, its files in `data_dir`, its output in `log`,
    and `more` in its environment."""
    port = free_port_pair()
    configuration = Configuration.from_environment({"DATA_DIR": str(data_dir), "PORT": str(port)})
    web = next(child for child in stack_of(configuration).programs if child.is_web)
    url = os.environ["DATABASE_URL"].partition("?")
    database = url[0].rpartition("/")[0] + f"/{connection.settings_dict['NAME']}" + "".join(url[1:])
    environment = {**os.environ, "DATABASE_URL": database, "DATA_DIR": str(data_dir), **more}
    with listen("PORT", LOOPBACK, port) as listener, log.open("wb") if log else nullcontext() as output:
        given = web.listening(listener.fileno())
        process = subprocess.Popen(
            (*given.arguments, *options), cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, pass_fds=given.files,
        )  # fmt: skip
    try:
        wait_until_it_answers(port)
        # The first process accepts connections before the others have started.
        while len(descendants(process.pid)) < WEB_PROCESSES:
            time.sleep(0.05)
        yield WebServer(port, process.pid)
    finally:
        process.terminate()
        process.wait(10)


def wait_until_it_answers(port: int) -> None:
    """Waits for any HTTP response."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/health/live")
            return
        time.sleep(0.1)
    pytest.fail("The web server does not answer.")


def descendants(pid: int) -> list[int]:
    """All living descendants of a process."""
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += map(int, task.read_text().split())
    return [one for child in children for one in (child, *descendants(child))]


def command_of(pid: int) -> str:
    """The command line of a process; empty if it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def peak_bytes(pid: int) -> int:
    """The peak resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
