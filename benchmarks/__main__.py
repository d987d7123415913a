"""`make bench`: measures the speed, as ratios to limits that are measured beside it; exit code 1 if anything failed.

Without arguments: every row of docs/benchmarks.md, in at most 15 minutes on two cores. With names: these comparisons,
or one of the others, which print what they measure.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.comparisons import COMPARISONS, MORE_COMPARISONS, Size
from benchmarks.document import document
from benchmarks.hanging_pms import measure_hanging
from benchmarks.report import table
from benchmarks.results import Results, read_results
from benchmarks.stage import Stage, stage
from benchmarks.web_servers import measure_servers
from benchmarks.workloads import BULK_ROWS
from pms_backend.standalone.exceptions import report_startup_errors
from pms_backend.standalone.programs import PYTHON

KILLED: Final = 128
JSON: Final = Path(".data/benchmarks.json")
DOCUMENT: Final = Path("docs/benchmarks.md")
STORED: Final = Path("docs/benchmarks.json")
ALL: Final = {**COMPARISONS, **MORE_COMPARISONS}
IN_TURN: Final = {"servers": measure_servers, "hanging": measure_hanging}
# Each prints its figures itself, and has arguments of its own.
BY_THEMSELVES: Final = ("imports", "sync", "admin")


def main() -> int:
    """Measures what is asked for, or everything."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(KILLED + number))
    arguments, others = _arguments()
    if arguments.read:
        results = read_results(arguments.read)
    else:
        with report_startup_errors(), stage(clients=arguments.clients) as ready:
            if arguments.names and arguments.names[0] not in ALL:
                return _measure_one(ready, arguments, others)
            results = _measure(ready, arguments)
    print(table(results))
    for line in results.failures:
        _say(line)
    if arguments.write_docs:
        results.write(STORED)
        DOCUMENT.write_text(document(results))
    return 1 if results.failures else 0


def _measure(ready: Stage, arguments: argparse.Namespace) -> Results:
    began = time.monotonic() - ready.preparation_seconds
    size = Size(arguments.rounds, arguments.seconds, arguments.skus, arguments.many, arguments.sockets)
    results = Results(
        taken_at=datetime.now(tz=UTC).isoformat(timespec="seconds"),
        commit=machine.commit(),
        machine=machine.machine(),
        versions=machine.versions(ready.environment["DATABASE_URL"], ready.environment["REDIS_URL"]),
        settings={**asdict(size), "clients": arguments.clients, "bulk_rows": min(BULK_ROWS, size.skus)},
    )
    if not ready.loader.has_wrk:
        _say(f"{machine.INSTALL_WRK}: a slower generator of our own takes its place")
    names = arguments.names or tuple(COMPARISONS)
    for number, name in enumerate(names, start=1):
        ready.forget()
        sides = results.comparisons[name] = ALL[name](ready, size)
        results.seconds = time.monotonic() - began
        # Whatever ends a later one costs nothing of these.
        results.write(arguments.json)
        rates = ", ".join(f"{side} {measured.rate:,.0f}/s" for side, measured in sides.items())
        _say(f"[{number}/{len(names)}, {results.seconds:3.0f} s] {name}: {rates}")
    return results


def _measure_one(ready: Stage, arguments: argparse.Namespace, others: Sequence[str]) -> int:
    (name,) = arguments.names
    if name in IN_TURN:
        print(IN_TURN[name](ready, rounds=arguments.rounds, seconds=arguments.seconds, say=_say))
        return 0
    command = (*PYTHON, "benchmarks.inside_django", f"benchmarks.{name}", *others)
    return subprocess.run(command, env=dict(ready.environment), check=False).returncode


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=…",
        description=__doc__,
        epilog=f"Comparisons: {', '.join(ALL)}. Others, one at a time: {', '.join((*IN_TURN, *BY_THEMSELVES))};"
        f" further arguments go to {', '.join(BY_THEMSELVES)}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a comparison (default: all of the document)")
    parser.add_argument("--rounds", type=_count, default=5, help="of each side (default: %(default)s)")
    parser.add_argument("--seconds", type=_seconds, default=3.0, help="of each round (default: %(default)s)")
    parser.add_argument("--clients", type=_count, default=16, help="open connections (default: %(default)s)")
    parser.add_argument("--sockets", type=_count, default=1_000, help="at one process (default: %(default)s)")
    parser.add_argument("--skus", type=_count, default=10_000, help="of most comparisons (default: %(default)s)")
    parser.add_argument("--many", type=_count, default=1_000_000, help="of the large catalogue (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=JSON, help="where the results are stored (default: %(default)s)")
    parser.add_argument("--from", dest="read", type=Path, help="measure nothing, but read these results")
    parser.add_argument("--write-docs", action="store_true", help=f"write {STORED} and {DOCUMENT} too")
    arguments, others = parser.parse_known_args()
    unknown = [name for name in arguments.names if name not in {*ALL, *IN_TURN, *BY_THEMSELVES}]
    if unknown:
        parser.error(f"{unknown[0]} is not the name of a comparison")
    alone = [name for name in arguments.names if name not in ALL]
    if alone and len(arguments.names) > 1:
        parser.error(f"{alone[0]} is measured alone")
    if others and not set(alone) & set(BY_THEMSELVES):
        parser.error(f"unknown: {' '.join(others)}")
    return arguments, others


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3_600:
        raise argparse.ArgumentTypeError("must be more than 0, and an hour at most")
    return seconds


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
