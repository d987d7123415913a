"""The stack that the demo speaks to: the one that runs, else one of its own for as long as it lasts."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from pms_backend.standalone import PROJECT
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.data_dir import DataDir, read_json
from pms_backend.standalone.demo.exceptions import DemoFailed

READY_PATH = "/health/ready"
OK = 200
ANSWER_SECONDS = 3.0
BUSY_SECONDS = 15.0  # a stack that answers but is not ready, perhaps because a child is being restarted
START_SECONDS = 300.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.25
TAIL_BYTES = 2000


@contextmanager
def running_stack(say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """quickstart.json of a stack that is ready. Raises `DemoFailed`, `StartupError`."""
    path = DataDir(Configuration.from_environment(os.environ).data_dir).quickstart
    if found := _found(path):
        say(f"Found the stack at {found['base_url']}")
        yield found
        return
    say("No stack is running: starting one …")
    with tempfile.TemporaryFile() as log:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops it.
        process = subprocess.Popen(
            (sys.executable, "-m", "pms_backend.standalone"),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield _started(process, path, log)
        finally:
            say("Stopping the stack …")
            _stop(process)


def _found(path: Path) -> dict[str, Any]:
    """The content of quickstart.json if its stack is ready, or will be soon; empty if there is none."""
    deadline = time.monotonic() + BUSY_SECONDS
    while content := read_json(path):
        status = _status(content)
        if status == OK:
            return content
        if status is None or time.monotonic() > deadline:
            return {}
        time.sleep(POLL_SECONDS)
    return {}


def _started(process: "subprocess.Popen[bytes]", path: Path, log: IO[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        content = read_json(path)
        if content and _status(content) == OK:
            return content
        time.sleep(POLL_SECONDS)
    log.seek(max(log.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
    lines = log.read().decode(errors="replace").strip().splitlines()
    raise DemoFailed("\n".join(["the stack did not start:", *lines[-10:]]))


def _status(quickstart: dict[str, Any]) -> int | None:
    """None where nobody answers."""
    try:
        answer = httpx.get(quickstart["base_url"] + READY_PATH, timeout=ANSWER_SECONDS, trust_env=False)
    except httpx.TransportError:
        return None
    return answer.status_code


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
