import argparse
import asyncio
import signal
import sys

from rich.console import Console

from pms_backend.standalone.demo import __doc__ as description
from pms_backend.standalone.demo.day import live_a_day
from pms_backend.standalone.demo.exceptions import DemoFailed
from pms_backend.standalone.demo.stack import running_stack
from pms_backend.standalone.exceptions import report_startup_errors

INTERRUPTED = 128


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(INTERRUPTED + number))
    arguments = _parse()
    console = Console()
    code = 1
    try:
        with report_startup_errors(), running_stack(console.print) as quickstart:
            day = live_a_day(quickstart, count=arguments.events, rate=arguments.rate, console=console)
            code = 0 if asyncio.run(day) else 1
    except* DemoFailed as failures:
        sys.stderr.write(f"error: {_first(failures)}\n")
    except* KeyboardInterrupt:
        code = INTERRUPTED + signal.SIGINT
    return code


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pms_backend.standalone.demo", description=description)
    parser.add_argument("--events", type=_whole, default=600, metavar="N", help="how many stock events (600)")
    parser.add_argument("--rate", type=_rate, default=60, metavar="N", help="events a second (60); 0: no pause")
    return parser.parse_args()


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("0 or more")
    return number


def _first(failures: BaseExceptionGroup[DemoFailed]) -> BaseException:
    found: BaseException = failures
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


if __name__ == "__main__":
    sys.exit(main())
