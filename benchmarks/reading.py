"""Reading the catalogue: a page and a product, and what a page costs among a hundred times as many products."""

import sys
from collections.abc import Callable

from benchmarks import report
from benchmarks.measure import Result, measure
from benchmarks.stage import Stage, stage
from benchmarks.workloads import A_PRODUCT, PRODUCTS, Workload
from pms_backend.standalone.program import Program
from pms_backend.standalone.programs import PYTHON

GROW_SECONDS = 1_800
LIST_TARGET, DETAIL_TARGET = 0.30, 0.35
MAX_COST_OF_MANY = 1.3


def measure_reading(
    *, skus: int, many: int, clients: int, rounds: int, seconds: float, say: Callable[[str], None]
) -> tuple[str, list[str]]:
    """The table, and what failed."""
    with stage("1", str(skus), seed="benchmarks.catalogue") as ready:

        def run(workload: Workload) -> Result:
            return measure(ready, workload, clients=clients, rounds=rounds, seconds=seconds, say=say)

        few = run(_list(skus))
        results = [few, run(Workload(f"one product, {skus:,} SKUs", skus, DETAIL_TARGET, A_PRODUCT, is_read=True))]
        if many > skus:
            say(f"making {many - skus:,} more products")
            _grow(ready, skus + 1, many)
            results.append(run(_list(many)))
    lines = [report.table(results)]
    if many > skus:
        cost = few.ours.rate / results[-1].ours.rate if results[-1].ours.rate else float("inf")
        lines.append(f"A page among {many:,} costs {cost:.2f} times one among {skus:,} (target: ≤ {MAX_COST_OF_MANY}).")
    return "\n".join(lines), report.failures(results)


def _list(skus: int) -> Workload:
    return Workload(f"list of 50, {skus:,} SKUs", skus, LIST_TARGET, PRODUCTS, is_read=True)


def _grow(ready: Stage, first: int, last: int) -> None:
    arguments = (*PYTHON, "benchmarks.catalogue", str(first), str(last))
    ready.processes.run(Program("grow", arguments, environment=ready.environment), GROW_SECONDS)
    sys.stderr.flush()
