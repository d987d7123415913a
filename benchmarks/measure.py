"""Measures the sides in turn, so that other load of the machine affects all of them."""

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
        """Adds a round; of one that does not count, only its failures."""
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
    """The two sides of a workload, and a third if it was also run on plain tables."""

    workload: Workload
    limit: Side
    ours: Side
    plain: Side | None = None

    @property
    def ratio(self) -> float:
        """Ours to the limit."""
        return self.ratio_to(self.limit)

    def ratio_to(self, side: Side) -> float:
        """Ours to another."""
        return self.ours.rate / side.rate if side.rate else 0.0

    @property
    def sides(self) -> dict[str, Side]:
        """Each side by its name."""
        plain = {} if self.plain is None else {"plain tables": self.plain}
        return {"limit": self.limit, "ours": self.ours, **plain}

    @property
    def failures(self) -> int:
        """All requests that were not successful, on any side."""
        return sum(side.failures for side in self.sides.values())


def measure(
    stage: Stage, workload: Workload, *, clients: int, rounds: int, seconds: float, say: Callable[[str], None]
) -> Result:
    """A warm-up of each side, then `rounds` of each: limit, ours, limit, ours …"""
    result = Result(workload, Side(), Side(), None if stage.plain_port is None else Side())
    ports = (stage.limit_port, stage.our_port, stage.plain_port)
    for number in range(rounds + 1):
        for side, port in zip(result.sides.values(), ports, strict=False):
            length = seconds if number else WARM_UP_SECONDS
            order = Order(workload, port, stage.api_key, clients=workload.clients or clients, seconds=length)
            side.add(stage.load(order), counts=number > 0)
        if number:
            rates = ", ".join(f"{name} {side.rates[-1]:,.0f}/s" for name, side in result.sides.items())
            say(f"{workload.name}, round {number}: {rates}")
    return result
