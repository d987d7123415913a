"""A thousand WebSockets at one process: how long a change takes to reach the last, by hops, and the memory of each."""

import statistics
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from benchmarks.listen_order import Measurement, Order
from benchmarks.moments import HUB_BEGAN, MOMENTS_FILE, PASSED_ON, PUBLISHED, READ, RECEIVED, RELAY_BEGAN, hops_ms
from benchmarks.stage import PORT, Stage, serve, stack_program, start
from pms_backend.standalone.program import Program
from pms_backend.standalone.programs import PYTHON

LISTEN_SECONDS: Final = 300
# What a change waits for in each hop, by the step with which the hop ends.
HOPS: Final = {
    RELAY_BEGAN: "the commit wakes the relay, through Celery",
    PUBLISHED: "the relay publishes",
    HUB_BEGAN: "the relay wakes the hub, through Channels",
    READ: "the hub reads the feed",
    PASSED_ON: "the hub writes to each socket",
    RECEIVED: "the last client reads",
}


@dataclass(frozen=True, slots=True)
class SocketResult:
    """Medians of the rounds. Milliseconds are those from a commit, or a bare message, to the last client."""

    our_ms: float
    limit_ms: float
    # The CPU time of the server that holds the sockets.
    our_cpu_ms: float
    limit_cpu_ms: float
    # By the texts of `HOPS`, in their order.
    hops_ms: dict[str, float]
    # The server's memory for each client.
    our_kb: float
    limit_kb: float
    # All memory of ours, with the program and all clients.
    our_mb: float


def measure_sockets(stage: Stage, *, sockets: int, rounds: int) -> SocketResult:
    """Measures the way of a change through the programs of the stack, and a bare broadcast, in turn.

    Raises `StartupError`.
    """
    environment, processes, data_dir = stage.database("sockets", 1), stage.processes, stage.data_dir
    with stage.ending_what_is_started(), TemporaryDirectory(prefix="pms-moments-") as directory:
        moments = Path(directory) / "moments"
        # Without a line for the start and the end of each socket.
        traced_environment = {**environment, MOMENTS_FILE: str(moments), "LOG_LEVEL": "WARNING"}
        limit = Program("limit", (*PYTHON, "benchmarks.broadcast", str(PORT)), environment=environment)
        limit_port, limit_pid = serve(processes, limit)
        our_port, our_pid = serve(processes, _traced(stack_program("sockets", data_dir, traced_environment)))
        start(processes, _traced(stack_program("relay", data_dir, traced_environment)))
        order = Order(limit_port, limit_pid, our_port, our_pid, stage.keys.writer, sockets, rounds)
        listen = Program(
            "listen", (*PYTHON, "benchmarks.listen"), environment=environment, stdin=orjson.dumps(asdict(order))
        )
        measurement = Measurement(**orjson.loads(processes.run(listen, LISTEN_SECONDS)[-1]))
        hops = hops_ms(moments, measurement.rounds)
    return SocketResult(
        our_ms=1000 * statistics.median(received - committed for committed, received in measurement.rounds),
        limit_ms=statistics.median(measurement.limit_ms),
        our_cpu_ms=statistics.median(measurement.our_cpu_ms),
        limit_cpu_ms=statistics.median(measurement.limit_cpu_ms),
        hops_ms={text: statistics.median(hops[step]) for step, text in HOPS.items()},
        our_kb=measurement.our_kb,
        limit_kb=measurement.limit_kb,
        our_mb=measurement.our_mb,
    )


def _traced(program: Program) -> Program:
    """The same program, run by `benchmarks.moments`."""
    position = program.arguments.index("-m") + 1
    arguments = (*program.arguments[:position], "benchmarks.moments", *program.arguments[position:])
    return replace(program, arguments=arguments)
