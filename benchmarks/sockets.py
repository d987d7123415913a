"""A thousand WebSockets at one process: how long a change takes to reach the last, and the memory of each."""

import statistics
from dataclasses import asdict

import orjson

from benchmarks.listen_order import Measurement, Order
from benchmarks.stage import PORT, seeded, serve, stack_program
from pms_backend.standalone.program import Program
from pms_backend.standalone.programs import PYTHON

LISTEN_SECONDS = 300
TARGET = 3.0


def measure_sockets(*, sockets: int, rounds: int) -> str:
    """The table. Ours includes the relay: it publishes, sends the wake-up, and the hub reads and fans out."""
    with seeded("1") as (processes, data_dir, environment, api_key):
        limit = Program("limit", (*PYTHON, "benchmarks.broadcast", str(PORT)), environment=environment)
        limit_port, limit_pid = serve(processes, limit)
        our_port, our_pid = serve(processes, stack_program("sockets", data_dir, environment))
        order = Order(limit_port, limit_pid, our_port, our_pid, api_key, sockets, rounds)
        listen = Program(
            "listen", (*PYTHON, "benchmarks.listen"), environment=environment, stdin=orjson.dumps(asdict(order))
        )
        measurement = Measurement(**orjson.loads(processes.run(listen, LISTEN_SECONDS)[-1]))
    limit_ms, our_ms = statistics.median(measurement.limit_ms), statistics.median(measurement.our_ms)
    return (
        f"{sockets:,} sockets, to the last client, median of {rounds}: {our_ms:.1f} ms, a bare broadcast"
        f" {limit_ms:.1f} ms, ratio {our_ms / limit_ms:.2f}, target ≤ {TARGET:.2f}\n"
        f"memory of the server for a client: {measurement.our_kb:.0f} kB, a bare one {measurement.limit_kb:.0f} kB"
    )
