"""The stack of the demo: one that runs, or is started, and its connection to the simulated PMS."""

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx
from rich.console import Console

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.data_dir import DataDir, read_json
from pms_backend.standalone.demo_pms import SimulatedPMS
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.ports import LOOPBACK
from pms_backend.standalone.program import Process, Program

STACK = (sys.executable, "-m", "pms_backend.standalone")
REQUEST_SECONDS, STOP_SECONDS, POLL_SECONDS = 30, 30, 0.25


@contextmanager
def running_stack(console: Console, destination: str) -> Iterator[dict[str, Any]]:
    """Gives the quickstart.json of a stack that answers; one that is started may call `destination`.

    Raises `StartupError`.
    """
    data_dir = DataDir(Configuration.from_environment(os.environ).data_dir)
    os.environ["DATA_DIR"] = str(data_dir.root)  # the commands run in the project's directory, the demo may not
    if quickstart := answering_stack(data_dir):
        console.print(f"Found the stack at {quickstart['base_url']}")
        yield quickstart
        return
    console.print("No stack is running: starting one …")
    lines = deque[str](maxlen=10)
    allowed = ",".join(filter(None, (os.environ.get("OUTBOUND_ALLOW"), destination)))
    stack = Process(Program("stack", STACK, environment={**os.environ, "OUTBOUND_ALLOW": allowed}), lines.append)
    try:
        while not (quickstart := answering_stack(data_dir)):
            if stack.exit_code() is not None:
                stack.finish_output()
                raise StartupError("the stack did not start", lines=tuple(lines))
            time.sleep(POLL_SECONDS)
        yield quickstart
    finally:
        console.print("Stopping the stack …")
        stack.ask_to_stop()
        if not stack.wait(STOP_SECONDS):
            stack.kill_group(signal.SIGKILL)


def answering_stack(data_dir: DataDir) -> dict[str, Any]:
    """The content of quickstart.json; {} if no stack answers at its address."""
    quickstart = read_json(data_dir.quickstart)
    try:
        httpx.get(f"{quickstart['base_url']}/health/live", timeout=REQUEST_SECONDS, trust_env=False)
    except (KeyError, httpx.TransportError):
        return {}
    return quickstart


@contextmanager
def connected(quickstart: Mapping[str, Any], pms: SimulatedPMS, console: Console) -> Iterator[None]:
    """Lets the connection call the PMS until the end of the block, unless the stack may not call this machine.

    Raises `StartupError`.
    """
    api, slug = f"{quickstart['base_url']}/api/v1", quickstart["pms"]["connection"]
    key = {"X-Api-Key": quickstart["api_key"]}
    with httpx.Client(base_url=api, headers=key, timeout=REQUEST_SECONDS, trust_env=False) as http:
        path = f"/pms/connections/{slug}/"
        before = _json_of(http.get(path))["base_url"]
        if before is not None and httpx.URL(before).host != LOOPBACK:
            raise StartupError(f"the connection {slug} calls {before}: the demo would replace that")
        answer = http.patch(path, json={"base_url": pms.url, "credentials": {"token": pms.token}})
        if "outbound_forbidden" in answer.text:
            console.print(f"The stack does not call the PMS: it was started without OUTBOUND_ALLOW={LOOPBACK}")
            yield
            return
        _json_of(answer)
        try:
            check = _json_of(http.post(f"{path}test/"))
            if not check["ok"]:
                raise StartupError(f"the stack cannot call the simulated PMS: {check['detail']}")
            console.print(f"The stack calls {check['detail']}, which answers within {check['ms']} ms")
            yield
        finally:
            with suppress(httpx.TransportError):
                http.patch(path, json={"base_url": None})


def _json_of(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise StartupError(f"{answer.request.url} was answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()
