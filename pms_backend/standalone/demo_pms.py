"""The simulated PMS of the demo: a process beside the stack, and what happens in it."""

import json
import os
import random
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httpx

from pms_backend.standalone import limits
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.orphan_reaper import OrphanReaper
from pms_backend.standalone.program import Process, Program

SIMULATOR = (sys.executable, "-m", "pms_integration.simulator", "--port", "0")
# Without a sync, a webhook that is lost is missing for ever: none is.
FAULTS = (
    "late_webhook=0.15,late_seconds=1,reordered_webhook=0.1,reorder_seconds=0.5,duplicate_webhook=0.05,"
    "duplicate_seconds=1"
)
EVENT_WEIGHTS = {"sell": 70, "receive": 15, "count": 15}
STOP_SECONDS = 10


class SimulatedPMS(NamedTuple):
    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def destination(self) -> str:
        """As `OUTBOUND_ALLOW` names it."""
        return httpx.URL(self.url).netloc.decode()


@contextmanager
def simulated_pms(*, seed: str, location: str) -> Iterator[SimulatedPMS]:
    """Runs until the end of the block. It has one location, no products, and nobody to send webhooks to.

    Raises `StartupError`.
    """
    command = (*SIMULATOR, "--location", location, "--faults", FAULTS, "--seed", seed)
    lines = deque[str](maxlen=limits.TAIL_LINES)
    process, reaper = Process(Program("pms", command, environment=os.environ), lines.append), OrphanReaper()
    reaper.watch(process.pid, signal.SIGKILL)
    try:
        while process.exit_code() is None and not lines:
            time.sleep(limits.POLL_SECONDS)
        try:
            ready = json.loads(lines[0])
        except (IndexError, ValueError):
            process.finish_output()
            raise StartupError("the simulated PMS did not start", lines=tuple(lines)) from None
        yield SimulatedPMS(ready["base_url"], ready["token"])
    finally:
        process.ask_to_stop()
        if not process.wait(STOP_SECONDS):
            process.kill_group(signal.SIGKILL)
        process.finish_output()
        reaper.close()


def choose_event(on_hand: int, chance: random.Random) -> tuple[str, dict[str, int]]:
    """What happens next to a SKU of which the PMS has so many: a path of its control, and a part of what is sent."""
    # What is sold out is received before anything else happens to it.
    kind = chance.choices([*EVENT_WEIGHTS], [*EVENT_WEIGHTS.values()])[0] if on_hand > 0 else "receive"
    if kind == "count":
        return kind, {"on_hand": on_hand + chance.choice((0, 0, 0, -1))}
    sold = min(chance.choice((1, 1, 1, 2, 3)), on_hand)
    return kind, {"quantity": sold if kind == "sell" else chance.randint(5, 30)}
