"""`make bench ARGS=servers`: our application behind our web server, and behind others that are installed.

Granian and gunicorn are not requirements of the project: `.venv/bin/pip install granian gunicorn` brings them.
"""

import importlib.util
import statistics
import sys
from collections.abc import Callable
from typing import Final

from benchmarks.load import Order
from benchmarks.stage import LOOPBACK, OURS, PORT, Stage, seeded, serve, serve_web, wait_until_it_answers
from benchmarks.workloads import IMPORTS, PRODUCTS, Workload, workloads
from pms_backend.standalone.program import Program
from pms_backend.standalone.programs import PYTHON, WEB_PROCESSES, WEB_THREADS

SKUS: Final = 10_000
WARM_UP_SECONDS: Final = 1.0
OTHERS: Final = {
    "granian": (
        f"--interface wsgi --http 1 --no-ws --log-level error --host {LOOPBACK} --port {PORT} --workers {WEB_PROCESSES}"
        f" --blocking-threads {WEB_THREADS} {OURS}"
    ),
    "gunicorn": (
        f"--worker-class gthread --workers {WEB_PROCESSES} --threads {WEB_THREADS} --keep-alive 75 --log-level error"
        f" --bind {LOOPBACK}:{PORT} {OURS}"
    ),
}


def measure_servers(*, clients: int, rounds: int, seconds: float, say: Callable[[str], None]) -> str:
    """A table of requests a second, the median of rounds in turn, and the ratio of ours to each other."""
    with seeded(str(SKUS), seed="benchmarks.seed") as (processes, data_dir, environment, api_key):
        ports = {"ours": serve_web(processes, data_dir, environment, OURS)}
        for name, arguments in OTHERS.items():
            if importlib.util.find_spec(name) is None:
                say(f"{name} is not installed")
                continue
            program = Program(name, (*PYTHON, name, *arguments.split()), environment=environment)
            ports[name], _ = serve(processes, program)
            wait_until_it_answers(ports[name])
        stage = Stage(processes, environment, api_key, ports["ours"], ports["ours"])
        lines = [" | ".join(("", *ports, "ours to the best other"))]
        for workload in _workloads():
            rates = _rates(stage, workload, ports, clients=clients, rounds=rounds, seconds=seconds)
            best = max((rate for name, rate in rates.items() if name != "ours"), default=rates["ours"])
            figures = (f"{rate:,.0f}/s" for rate in rates.values())
            lines.append(" | ".join((workload.name, *figures, f"{rates['ours'] / best:.2f}")))
            say(lines[-1])
    sys.stderr.flush()
    return "\n".join(lines)


def _workloads() -> tuple[Workload, ...]:
    uniform, hot, *_ = workloads(SKUS)
    return (
        uniform,
        hot,
        Workload("list of 50, read each time", 0, 0, PRODUCTS, is_read=True),
        Workload("list of 50, cached", 0, 0, PRODUCTS, is_read=True, may_be_cached=True),
        Workload("uploads of 1 MiB", 0, 0, IMPORTS, clients=4),
    )


def _rates(
    stage: Stage, workload: Workload, ports: dict[str, int], *, clients: int, rounds: int, seconds: float
) -> dict[str, float]:
    rates: dict[str, list[float]] = {name: [] for name in ports}
    for number in range(rounds + 1):
        for name, port in ports.items():
            length = seconds if number else WARM_UP_SECONDS
            order = Order(workload, port, stage.api_key, clients=workload.clients or clients, seconds=length)
            load = stage.load(order)
            if load.failures:
                raise SystemExit(f"{workload.name} by {name}: {load.failures} failures, first {load.failure}")
            if number:
                rates[name].append(load.rate)
    return {name: statistics.median(found) for name, found in rates.items()}
