"""`make bench ARGS=servers`: our application behind our web server, and behind others that are installed.

Granian and gunicorn are not requirements of the project: `.venv/bin/pip install granian gunicorn` brings them.
"""

import importlib.util
from collections.abc import Callable
from typing import Final

from benchmarks import workloads
from benchmarks.measure import Side, in_turn
from benchmarks.stage import OURS, PORT, Stage, serve, serve_web, wait_until_it_answers
from benchmarks.usage import Programs
from benchmarks.workloads import Workload
from pms_backend.standalone.ports import LOOPBACK
from pms_backend.standalone.program import Program
from pms_backend.standalone.programs import PYTHON, WEB_PROCESSES, WEB_THREADS

SKUS: Final = 10_000
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


def measure_servers(stage: Stage, *, rounds: int, seconds: float, say: Callable[[str], None]) -> str:
    """A table of requests a second, the median of rounds in turn, and the ratio of ours to the best other."""
    environment = stage.database("servers", SKUS)
    ports = {"ours": serve_web(stage.processes, stage.data_dir, environment).port}
    for name, arguments in OTHERS.items():
        if importlib.util.find_spec(name) is None:
            say(f"{name} is not installed")
            continue
        program = Program(name, (*PYTHON, name, *arguments.split()), environment=environment)
        ports[name], _ = serve(stage.processes, program)
        # It accepts connections before its processes have loaded the application.
        wait_until_it_answers(ports[name], stage.processes.running[-1])
    lines = [" | ".join(("", *ports, "ours to the best other"))]
    for workload in _workloads():
        sides = {name: _side(stage, workload, port) for name, port in ports.items()}
        measured = in_turn(sides, rounds=rounds, seconds=seconds)
        for name, side in measured.items():
            if side.failures:
                raise SystemExit(f"{workload.name} by {name}: {side.failures} failures, first {side.failure}")
        rates = {name: side.rate for name, side in measured.items()}
        best = max((rate for name, rate in rates.items() if name != "ours"), default=rates["ours"])
        figures = (f"{rate:,.0f}/s" for rate in rates.values())
        lines.append(" | ".join((workload.name, *figures, f"{rates['ours'] / best:.2f}")))
        say(lines[-1])
    return "\n".join(lines)


def _workloads() -> tuple[Workload, ...]:
    return (
        workloads.adjustments(SKUS),
        workloads.adjustments(1),
        workloads.products(),
        workloads.products(may_be_cached=True),
        workloads.uploads(),
    )


def _side(stage: Stage, workload: Workload, port: int) -> Side:
    return Side(lambda seconds: stage.loader.load(workload, port, seconds), Programs(stage.server_pids))
