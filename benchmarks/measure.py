"""Both sides in turn, so that what else the machine does meets both."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.load import Load, Order
from benchmarks.stage import Stage
from benchmarks.workloads import Workload

WARM_UP_SECONDS = 1.0


@dataclass(slots=True)
class Side:
    """One server's rounds."""

    rates: list[float] = field(default_factory=list)
    failures: int = 0
    failure: str = ""

    def add(self, load: Load, *, counts: bool) -> None:
        """A round; of one that does not count, only the failures."""
        if counts:
            self.rates.append(load.rate)
        self.failures += load.failures
        self.failure = self.failure or load.failure

    @property
    def rate(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rates)


@dataclass(frozen=True, slots=True)
class Result:
    """A workload's two sides."""

    workload: Workload
    limit: Side
    ours: Side

    @property
    def ratio(self) -> float:
        """Ours to the limit."""
        return self.ours.rate / self.limit.rate if self.limit.rate else 0.0

    @property
    def failures(self) -> int:
        """Whatever was not answered with success, on either side."""
        return self.limit.failures + self.ours.failures


def measure(
    stage: Stage, workload: Workload, *, clients: int, rounds: int, seconds: float, say: Callable[[str], None]
) -> Result:
    """A warm-up of each side, then `rounds` of each: limit, ours, limit, ours …"""
    limit, ours = Side(), Side()
    sides = ((limit, stage.limit_port), (ours, stage.our_port))
    for number in range(rounds + 1):
        for side, port in sides:
            length = seconds if number else WARM_UP_SECONDS
            order = Order(workload, port, stage.api_key, clients=workload.clients or clients, seconds=length)
            side.add(stage.load(order), counts=number > 0)
        if number:
            say(f"{workload.name}, round {number}: limit {limit.rates[-1]:,.0f}/s, ours {ours.rates[-1]:,.0f}/s")
    return Result(workload, limit, ours)
