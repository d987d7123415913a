"""What is measured: comparisons of ours with its limit, each in alternating rounds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from benchmarks import workloads
from benchmarks.measure import APPLICATION, Measured, Side, in_turn
from benchmarks.sockets import measure_sockets
from benchmarks.stage import EMPTY_API_VIEW, EMPTY_VIEW, EMPTY_VIEW_REDIS, LIMIT, OURS, PLAIN_TABLES, Stage
from benchmarks.workloads import Workload

FEW, MANY = "few", "many"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    seconds: float
    skus: int
    many: int
    sockets: int


Comparison = Callable[[Stage, Size], dict[str, Measured]]


@dataclass(frozen=True, slots=True)
class WebSide:
    """An application, the requests that it gets, and its database."""

    application: str
    workload: Workload
    database: str = FEW


def _web(sides: Callable[[Size], Mapping[str, WebSide]]) -> Comparison:
    def measure(stage: Stage, size: Size) -> dict[str, Measured]:
        skus = {FEW: size.skus, MANY: size.many}
        measured = {name: _web_side(stage, side, skus[side.database]) for name, side in sides(size).items()}
        return in_turn(measured, rounds=size.rounds, seconds=size.seconds)

    return measure


def _web_side(stage: Stage, side: WebSide, skus: int) -> Side:
    stage.database(side.database, skus)
    server = stage.web_server(side.application, side.database)
    return Side(lambda seconds: stage.loader.load(side.workload, server.port, seconds), stage.programs(server.pid))


def _limit_and_ours(workload: Callable[[int], Workload], *, plain: bool = False) -> Comparison:
    def sides(size: Size) -> dict[str, WebSide]:
        applications = {"limit": LIMIT, "ours": OURS, **({"plain": PLAIN_TABLES} if plain else {})}
        requests = workload(size.skus)
        return {name: WebSide(application, requests) for name, application in applications.items()}

    return _web(sides)


def _cached(size: Size) -> dict[str, WebSide]:
    page = workloads.products(may_be_cached=True)
    product = workloads.one_product(min(workloads.CACHED_PRODUCTS, size.skus), may_be_cached=True)
    return {
        "empty": WebSide(EMPTY_VIEW, page),
        "empty, Redis": WebSide(EMPTY_VIEW_REDIS, page),
        "empty API": WebSide(EMPTY_API_VIEW, page),
        "list": WebSide(OURS, page),
        "product": WebSide(OURS, product),
    }


def _sizes(size: Size) -> dict[str, WebSide]:
    page = workloads.products()
    return {
        "list, few": WebSide(OURS, page, FEW),
        "list, many": WebSide(OURS, page, MANY),
        "adjust, few": WebSide(OURS, workloads.adjustments(size.skus), FEW),
        "adjust, many": WebSide(OURS, workloads.adjustments(size.many), MANY),
    }


def _inside_django(module: str, skus: int) -> Comparison:
    def measure(stage: Stage, size: Size) -> dict[str, Measured]:
        environment = stage.database(module, skus)
        arguments = ("--rounds", str(size.rounds), "--seconds", str(size.seconds))
        lines = stage.run_inside_django(f"benchmarks.{module}", *arguments, environment=environment)
        return {name: Measured(**side) for name, side in orjson.loads(lines[-1]).items()}

    return measure


def _sockets(stage: Stage, size: Size) -> dict[str, Measured]:
    """Changes a second, one after the other; a change takes from its commit to the last client."""
    found = measure_sockets(stage, sockets=size.sockets, rounds=4 * size.rounds)
    return {
        "limit": Measured([1_000 / found.limit_ms], found.limit_ms, processor_ms={APPLICATION: found.limit_cpu_ms}),
        "ours": Measured(
            [1_000 / found.our_ms],
            found.our_ms,
            processor_ms={APPLICATION: found.our_cpu_ms},
            steps_ms=found.hops_ms,
            memory_mb={"rss": found.our_mb},
        ),
    }


# In the order in which they run: what makes SKUs oversold or fills tables comes late.
COMPARISONS: Final[Mapping[str, Comparison]] = {
    "list": _limit_and_ours(lambda _: workloads.products()),
    "detail": _limit_and_ours(workloads.one_product),
    "cached": _web(_cached),
    "availability": _limit_and_ours(workloads.availability),
    "adjust": _limit_and_ours(workloads.adjustments, plain=True),
    "adjust-hot": _limit_and_ours(lambda _: workloads.adjustments(1), plain=True),
    "reserve": _limit_and_ours(workloads.reservations),
    "bulk-adjust": _limit_and_ours(workloads.bulk_adjustments, plain=True),
    "bulk-count": _limit_and_ours(workloads.bulk_counts, plain=True),
    "webhooks": _limit_and_ours(workloads.webhooks),
    "events": _inside_django("events", 1_000),
    "deliveries": _inside_django("deliveries", 0),
    "sockets": _sockets,
    "size": _web(_sizes),
}
# Those that only run when they are asked for.
MORE_COMPARISONS: Final[Mapping[str, Comparison]] = {
    "relay": _inside_django("relay", 0),
    "reserve-services": _inside_django("reservations", 1_000),
}
