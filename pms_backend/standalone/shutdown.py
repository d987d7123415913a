"""The good order of an end: nobody loses what they still need, and nobody is waited for too long."""

import time
from collections.abc import Sequence

from pms_backend.standalone import limits
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Phase, Process
from pms_backend.standalone.signals import Signals


def stop(processes: Processes, signals: Signals) -> None:
    """Stops all that runs. Ctrl-C again ends the patience, not the order."""
    running = processes.running
    edge, workers, redis, postgres = ([one for one in running if one.program.phase is phase] for phase in Phase)
    began = time.monotonic()

    def ask_and_wait(asked: Sequence[Process], awaited: Sequence[Process], until: float) -> None:
        for process in asked:
            process.ask_to_stop()
        while any(process.exit_code() is None for process in awaited) and time.monotonic() < until:
            if signals.is_urgent(limits.POLL_SECONDS):
                return

    ask_and_wait(edge, edge, began + limits.EDGE_STOP_SECONDS)
    ask_and_wait(workers, edge + workers, began + limits.STACK_STOP_SECONDS)
    for process in edge + workers:
        processes.discard(process)
    for server, seconds in ((redis, limits.REDIS_STOP_SECONDS), (postgres, limits.POSTGRES_STOP_SECONDS)):
        ask_and_wait(server, server, time.monotonic() + seconds)
        for process in server:
            processes.discard(process)
