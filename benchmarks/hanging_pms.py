"""`make bench ARGS=hanging`: webhooks and requests while a PMS that never answers is asked again and again."""

import itertools
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import httpx

from benchmarks.load import Order
from benchmarks.stage import LOOPBACK, OURS, Stage, seeded, serve_web
from benchmarks.workloads import PMS, Workload, accepted_webhooks, cached_reads, workloads
from pms_backend.standalone.programs import WEB_PROCESSES, WEB_THREADS

SKUS: Final = 10_000
WARM_UP_SECONDS: Final = 1.0
# The PMS holds one of the four threads of each process; a load that needs all of them has three left.
TARGET: Final = 0.70
# As many people as the web processes have threads, each of whom asks so often.
ASKING: Final = WEB_PROCESSES * WEB_THREADS
ASK_EVERY_SECONDS: Final = 0.5
CONNECTIONS: Final = "/api/v1/pms/connections/"
HANGING: Final = "hanging"


def measure_hanging(*, clients: int, rounds: int, seconds: float, say: Callable[[str], None]) -> str:
    """The rates with and without the hanging PMS, in turn, as the median of rounds, and their ratio."""
    with seeded(str(SKUS)) as (processes, data_dir, environment, api_key), silent_server() as url:
        environment["OUTBOUND_ALLOW"] = LOOPBACK
        port = serve_web(processes, data_dir, environment, OURS)
        with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=60) as http:
            http.headers["X-Api-Key"] = api_key
            secret = _create(http, slug=PMS, name="Benchmark")["secret"]
            _create(http, slug=HANGING, name="Hanging", base_url=url)
            lines = []
            for workload, key in ((accepted_webhooks(SKUS), secret), (workloads(SKUS)[0], api_key),
                                  (cached_reads()[0], api_key)):  # fmt: skip
                stage = Stage(processes, environment, key, port, port)
                lines.append(_measure(stage, workload, http, url, clients, rounds, seconds))
                say(lines[-1])
    return "\n".join(lines)


def _measure(
    stage: Stage, workload: Workload, http: httpx.Client, url: str, clients: int, rounds: int, seconds: float
) -> str:
    order = Order(workload, stage.our_port, stage.api_key, clients, WARM_UP_SECONDS)
    stage.load(order)
    alone, meanwhile = [], []
    for _ in range(rounds):
        alone.append(_rate(stage, order, seconds))
        with being_asked(http, url) as held:
            meanwhile.append(_rate(stage, order, seconds))
        if not any(held):
            raise SystemExit("The PMS was not called: nothing was measured.")
    ratio = statistics.median(meanwhile) / statistics.median(alone)
    rates = f"{statistics.median(alone):,.0f}/s, while a PMS hangs {statistics.median(meanwhile):,.0f}/s"
    return f"{workload.name}: {rates}, ratio {ratio:.2f}, target ≥ {TARGET:.2f}"


def _rate(stage: Stage, order: Order, seconds: float) -> float:
    load = stage.load(Order(order.workload, order.port, order.api_key, order.clients, seconds))
    if load.failures:
        raise SystemExit(f"{order.workload.name}: {load.failures} failures, the first: {load.failure}")
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


def _create(http: httpx.Client, **values: str) -> dict[str, Any]:
    answer = http.post(CONNECTIONS, json=values)
    answer.raise_for_status()
    created: dict[str, Any] = answer.json()
    return created
