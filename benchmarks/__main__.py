"""`python -m pms_backend.standalone.servers python -m benchmarks`: prints a table; exit code 1 if a request failed."""

import argparse
import signal
import subprocess
import sys
from contextlib import AbstractContextManager

from benchmarks import report
from benchmarks.hanging_pms import measure_hanging
from benchmarks.measure import measure
from benchmarks.reading import measure_reading
from benchmarks.sockets import measure_sockets
from benchmarks.stage import EMPTY_VIEW, WEBHOOK_LIMIT, Stage, stage
from benchmarks.web_servers import measure_servers
from benchmarks.workloads import Workload, accepted_webhooks, cached_reads, workloads
from pms_backend.standalone.exceptions import report_startup_errors

KILLED = 128
IN_TURN = {"servers": measure_servers, "hanging": measure_hanging}
# Each sets up Django when its process starts.
WITHIN_DJANGO = ("relay", "deliveries", "imports", "reservations", "events", "sync", "admin")


def main() -> int:
    """Measures each workload."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(KILLED + number))
    arguments = _arguments()
    if arguments.what == "sockets":
        with report_startup_errors():
            print(measure_sockets(sockets=arguments.sockets, rounds=4 * arguments.rounds))
        return 0
    if arguments.what in IN_TURN:
        with report_startup_errors():
            measure_in_turn = IN_TURN[arguments.what]
            print(
                measure_in_turn(clients=arguments.clients, rounds=arguments.rounds, seconds=arguments.seconds, say=_say)
            )
        return 0
    if arguments.what in WITHIN_DJANGO:
        more = ("--skus", str(arguments.skus)) if arguments.what == "reservations" else ()
        return subprocess.run((sys.executable, "-m", f"benchmarks.{arguments.what}", *more), check=False).returncode
    if arguments.what == "products":
        return _measure_products(arguments)
    with report_startup_errors(), _stage_of(arguments) as ready:
        results = [
            measure(
                ready,
                workload,
                clients=arguments.clients,
                rounds=arguments.rounds,
                seconds=arguments.seconds,
                say=_say,
            )
            for workload in _workloads_of(arguments)
        ]
    print(report.table(results))
    found = report.failures(results)
    for line in found:
        _say(line)
    return 1 if found else 0


def _stage_of(arguments: argparse.Namespace) -> AbstractContextManager[Stage]:
    skus = str(arguments.skus)
    if arguments.what == "cached":
        return stage(skus, limit=EMPTY_VIEW)
    if arguments.what == "webhooks":
        return stage(skus, seed="benchmarks.webhooks", limit=WEBHOOK_LIMIT)
    return stage(skus, has_plain_tables=True)


def _workloads_of(arguments: argparse.Namespace) -> tuple[Workload, ...]:
    if arguments.what == "cached":
        return cached_reads()
    return (accepted_webhooks(arguments.skus),) if arguments.what == "webhooks" else workloads(arguments.skus)


def _measure_products(arguments: argparse.Namespace) -> int:
    with report_startup_errors():
        table, found = measure_reading(
            skus=arguments.skus,
            many=arguments.many,
            clients=arguments.clients,
            rounds=arguments.rounds,
            seconds=arguments.seconds,
            say=_say,
        )
    print(table)
    for line in found:
        _say(line)
    return 1 if found else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    what = ("inventory", "cached", "products", "sockets", *IN_TURN, "webhooks", *WITHIN_DJANGO)
    parser.add_argument("what", nargs="?", choices=what, default="inventory")
    parser.add_argument("--sockets", type=_count, default=1_000, help="at one process (default: %(default)s)")
    parser.add_argument("--rounds", type=_count, default=5, help="of each side (default: %(default)s)")
    parser.add_argument("--seconds", type=_seconds, default=4.0, help="of each round (default: %(default)s)")
    parser.add_argument("--clients", type=_count, default=16, help="open connections (default: %(default)s)")
    parser.add_argument(
        "--skus", type=_count, default=10_000, help="in stock, or read; 1000000 takes minutes (default: %(default)s)"
    )
    parser.add_argument(
        "--many", type=_count, default=1_000_000, help="SKUs of a large catalogue (default: %(default)s)"
    )
    return parser.parse_args()


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
