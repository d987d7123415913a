"""`python -m benchmarks.moments MODULE ARGUMENTS…`: a program of the stack that writes when each step begins or ends.

A line is `STEP SECONDS`, appended to the file that `MOMENTS_FILE` names. The clock is the one of the machine, so that
the moments of several processes can be compared.
"""

import functools
import importlib
import os
import runpy
import sys
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import django

MOMENTS_FILE: Final = "MOMENTS_FILE"
# On the way of a change; a hop is the time from one to the next.
COMMITTED, RELAY_BEGAN, PUBLISHED, HUB_BEGAN, READ, PASSED_ON, RECEIVED = STEPS = (
    "committed",
    "relay began",
    "published",
    "hub began",
    "read",
    "passed on",
    "received",
)
# After the last client has read, for the step that may come later.
LATE_SECONDS: Final = 0.1
# Object, attribute, and the steps at its start and its end.
_TRACED: Final = (
    ("pms_backend.events.services", "relay_pending", RELAY_BEGAN, None),
    ("inventory.receivers:_SocketWakeUp", "send", PUBLISHED, None),
    ("inventory.hub", "_changes_after", HUB_BEGAN, READ),
    ("inventory.hub:Hub", "_pass_on", None, PASSED_ON),
)


def trace() -> None:
    """Has the functions above write their moments."""
    file = os.open(os.environ[MOMENTS_FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for place, attribute, start, end in _TRACED:
        module, _, name = place.partition(":")
        owner = importlib.import_module(module)
        owner = getattr(owner, name) if name else owner
        setattr(owner, attribute, _traced(getattr(owner, attribute), file, start, end))


def hops_ms(file: Path, rounds: Iterable[tuple[float, float]]) -> dict[str, list[float]]:
    """The milliseconds of each hop, by the step with which it ends, of changes between a commit and the last client."""
    lines = [line.rpartition(" ") for line in file.read_text().splitlines()]
    written = sorted((float(seconds), step) for step, _, seconds in lines)
    hops: dict[str, list[float]] = {step: [] for step in STEPS[1:]}
    for committed, received in rounds:
        moments = [committed]
        for step in STEPS[1:-1]:
            # The hub reads at other times too: a step counts after the one before it.
            moments += [at for at, name in written if name == step and moments[-1] <= at <= received + LATE_SECONDS][:1]
        # A client may have read before the hub notes that it has written.
        moments.append(max(moments[-1], received))
        # A step is missing where the relay or the hub was awake for another reason.
        if len(moments) == len(STEPS):
            for step, (before, after) in zip(STEPS[1:], pairwise(moments), strict=True):
                hops[step].append(1000 * (after - before))
    return hops


def _traced(function: Callable[..., Any], file: int, start: str | None, end: str | None) -> Callable[..., Any]:
    @functools.wraps(function)
    def traced(*arguments: Any, **more: Any) -> Any:
        if start is not None:
            os.write(file, f"{start} {time.perf_counter()}\n".encode())
        try:
            return function(*arguments, **more)
        finally:
            if end is not None:
                os.write(file, f"{end} {time.perf_counter()}\n".encode())

    return traced


def main() -> None:
    """Becomes the program."""
    django.setup()
    trace()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
    main()
