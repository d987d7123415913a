"""`python -m pms_integration.simulator`: starts a simulator and runs until SIGINT or SIGTERM.

When it listens it prints one line of JSON: `{"base_url", "token", "pid"}`.
"""

import argparse
import json
import os
import secrets
import signal
import sqlite3
import sys
from collections.abc import Sequence

from pms_integration.simulator import control, faults
from pms_integration.simulator.clock import MAX_SKEW_SECONDS
from pms_integration.simulator.faults import FaultSettings, parse_faults
from pms_integration.simulator.running import LOCATIONS, RunningSimulator, Settings


def main(arguments: Sequence[str]) -> int:
    """Runs until it is stopped; returns the exit code."""
    stopping = {signal.SIGINT, signal.SIGTERM}
    # Blocked in this thread and those that it starts, so that only `sigwait` sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)
    settings = parse(arguments)
    try:
        running = RunningSimulator(settings)
    except (OSError, ValueError, sqlite3.Error) as error:
        sys.stderr.write(f"The simulator cannot start: {error}\n")
        return 1
    ready = {"base_url": running.url, "token": settings.token, "pid": os.getpid()}
    sys.stdout.write(f"{json.dumps(ready)}\n")
    sys.stdout.flush()
    signal.sigwait(stopping)
    running.stop()
    return 0


def parse(arguments: Sequence[str]) -> Settings:
    """The settings. Exits with a message where they are wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.webhook_url and not given.webhook_secret:
        parser.error("--webhook-url needs --webhook-secret")
    if given.products < 0 or abs(given.skew) > MAX_SKEW_SECONDS:
        parser.error(f"--products must not be negative, --skew at most {MAX_SKEW_SECONDS:.0f}")
    return Settings(
        host=given.host,
        port=given.port,
        token=given.token or secrets.token_urlsafe(24),
        database=given.database,
        products=given.products,
        faults=given.faults,
        seed=given.seed,
        skew_seconds=given.skew,
        webhook_url=given.webhook_url,
        webhook_secret=given.webhook_secret,
        locations=dict(given.location) if given.location else LOCATIONS,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pms_integration.simulator",
        description="A PMS of the `standard` contract (docs/pms-openapi.yaml) that fails on demand.",
        epilog=f"Faults\n\n{faults.__doc__}\nControl\n\n{control.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, required=True, help="0: any that is free")
    add("--host", default="127.0.0.1", help="(127.0.0.1)")
    add("--token", default="", help="of `Authorization: Bearer`; without it one is made and printed")
    add("--database", default=":memory:", metavar="FILE", help="keeps everything over a restart; without it, in memory")
    add("--products", type=int, default=0, metavar="N", help="what an empty catalogue begins with (0)")
    add("--location", action="append", type=_location, metavar="ID=NAME", help="repeatable (W1 and W2)")
    add("--faults", type=_faults, default=FaultSettings(), metavar="NAME=NUMBER,…", help="see below (none)")
    add("--seed", default="0", help="of the faults and of the catalogue (0)")
    add("--skew", type=float, default=0.0, metavar="SECONDS", help="how far the clock is ahead; may be negative (0)")
    add("--webhook-url", default="", metavar="URL", help="where webhooks go; without it there are none")
    add("--webhook-secret", default="", metavar="whsec_…", help="what signs them")
    return parser


def _faults(text: str) -> FaultSettings:
    try:
        return FaultSettings(parse_faults(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _location(text: str) -> tuple[str, str]:
    location_id, _, name = text.partition("=")
    if not location_id:
        raise argparse.ArgumentTypeError("A location needs an id.")
    return location_id, name or location_id
