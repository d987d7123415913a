"""`make bench ARGS=hanging`: webhooks and requests while a PMS that never answers is asked again and again."""

import itertools
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

import httpx

from benchmarks import workloads
from benchmarks.measure import WARM_UP_SECONDS
from benchmarks.stage import Stage, serve_web
from benchmarks.workloads import Workload
from pms_backend.standalone.ports import LOOPBACK
from pms_backend.standalone.programs import WEB_PROCESSES, WEB_THREADS

SKUS: Final = 10_000
# The PMS holds one of the four threads of each process; a load that needs all of them has three left.
TARGET: Final = 0.70
# As many people as the web processes have threads, each of whom asks so often.
ASKING: Final = WEB_PROCESSES * WEB_THREADS
ASK_EVERY_SECONDS: Final = 0.5
CONNECTIONS: Final = "/api/v1/pms/connections/"
HANGING: Final = "hanging"


def measure_hanging(stage: Stage, *, rounds: int, seconds: float, say: Callable[[str], None]) -> str:
    """The rates with and without the hanging PMS, in turn, as the median of rounds, and their ratio."""
    environment = stage.database("hanging", SKUS)
    port = serve_web(stage.processes, stage.data_dir, environment).port
    lines = []
    with silent_server() as url, httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=60) as http:
        http.headers["X-Api-Key"] = stage.keys.writer
        http.post(CONNECTIONS, json={"slug": HANGING, "name": "Hanging", "base_url": url}).raise_for_status()
        cached_page = workloads.products(may_be_cached=True)
        for workload in (workloads.webhooks(SKUS), workloads.adjustments(SKUS), cached_page):
            lines.append(_measure(partial(_rate, stage, workload, port), workload.name, http, url, rounds, seconds))
            say(lines[-1])
    return "\n".join(lines)


def _measure(
    rate: Callable[[float], float], name: str, http: httpx.Client, url: str, rounds: int, seconds: float
) -> str:
    rate(WARM_UP_SECONDS)
    alone, meanwhile = [], []
    for _ in range(rounds):
        alone.append(rate(seconds))
        with being_asked(http, url) as held:
            meanwhile.append(rate(seconds))
        if not any(held):
            raise SystemExit("The PMS was not called: nothing was measured.")
    ratio = statistics.median(meanwhile) / statistics.median(alone)
    rates = f"{statistics.median(alone):,.0f}/s, while a PMS hangs {statistics.median(meanwhile):,.0f}/s"
    return f"{name}: {rates}, ratio {ratio:.2f}, target ≥ {TARGET:.2f}"


def _rate(stage: Stage, workload: Workload, port: int, seconds: float) -> float:
    load = stage.loader.load(workload, port, seconds)
    if load.failures:
        raise SystemExit(f"{workload.name}: {load.failures} failures, the first: {load.failure}")
    return load.rate


@contextmanager
def being_asked(http: httpx.Client, url: str) -> Iterator[Sequence[bool]]:
    """Many people test the connection; for each who was not told to wait, whether the PMS was called."""
    is_over, numbers, held = threading.Event(), itertools.count(), list[bool]()

    def ask() -> None:
        while not is_over.is_set():
            answer = http.post(f"{CONNECTIONS}{HANGING}/test/")
            if answer.is_success:
                held.append("does not answer" in answer.json()["detail"])
                # Another URL closes the circuit, so that the PMS is called again.
                http.patch(f"{CONNECTIONS}{HANGING}/", json={"base_url": f"{url}/{next(numbers)}"}).raise_for_status()
            time.sleep(ASK_EVERY_SECONDS)

    threads = [threading.Thread(target=ask) for _ in range(ASKING)]
    for thread in threads:
        thread.start()
    try:
        yield held
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@contextmanager
def silent_server() -> Iterator[str]:
    """The URL of a server that accepts connections and never answers."""
    with socket.create_server((LOOPBACK, 0), backlog=100) as listener:
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
