"""Measures the sides of a comparison in turn, so that other load of the machine affects all of them."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.usage import Programs, memory_mb

WARM_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """One round: how many were done in which time, and what failed. What is counted depends on the comparison."""

    count: int
    seconds: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    failures: int = 0
    failure: str = ""

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.count / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Side:
    """One side: `run` loads it for about so many seconds, after `prepare`. Its processor time is that of `programs`."""

    run: Callable[[float], Load]
    programs: Programs
    prepare: Callable[[float], None] = lambda _: None


@dataclass(slots=True)
class Measured:
    """The rounds of one side. `processor_ms`: of each program for one of what is counted, which are those of `Load`."""

    rates: list[float] = field(default_factory=list)
    p50_ms: float | None = None
    p99_ms: float | None = None
    processor_ms: dict[str, float] = field(default_factory=dict)
    # Where the time goes, where that was measured: milliseconds of each step.
    steps_ms: dict[str, float] = field(default_factory=dict)
    # Of the application's processes after the last round: `rss` and `pss`.
    memory_mb: dict[str, float] = field(default_factory=dict)
    failures: int = 0
    failure: str = ""

    @property
    def rate(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rates) if self.rates else 0.0


APPLICATION = "application"


def in_turn(sides: Mapping[str, Side], *, rounds: int, seconds: float) -> dict[str, Measured]:
    """A warm-up of each side, then `rounds` of each in turn: first, second …, first, second …"""
    recorders = {name: _Recorder(side) for name, side in sides.items()}
    for number in range(rounds + 1):
        for recorder in recorders.values():
            recorder.take(seconds if number else min(WARM_UP_SECONDS, seconds), counts=number > 0)
    return {name: recorder.result() for name, recorder in recorders.items()}


class _Recorder:
    def __init__(self, side: Side) -> None:
        self._side = side
        self._loads: list[Load] = []
        self._processor_ms: list[dict[str, float]] = []
        self._failures: list[Load] = []

    def take(self, seconds: float, *, counts: bool) -> None:
        """Runs a round; of one that does not count, only its failures are kept."""
        self._side.prepare(seconds)
        before = self._side.programs.processor_seconds()
        load = self._side.run(seconds)
        after = self._side.programs.processor_seconds()
        if load.failures:
            self._failures.append(load)
        if counts:
            self._loads.append(load)
            done = max(load.count, 1)
            self._processor_ms.append({name: 1_000 * (after[name] - before[name]) / done for name in after})

    def result(self) -> Measured:
        application = self._side.programs.pids.get(APPLICATION)
        return Measured(
            rates=[load.rate for load in self._loads],
            p50_ms=_median([load.p50_ms for load in self._loads]),
            p99_ms=_median([load.p99_ms for load in self._loads]),
            processor_ms={
                name: statistics.median(spent[name] for spent in self._processor_ms) for name in self._processor_ms[0]
            },
            memory_mb=memory_mb(application) if application else {},
            failures=sum(load.failures for load in self._failures),
            failure=self._failures[0].failure if self._failures else "",
        )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
