"""Comparisons that call our services in one process, without a web server: what their modules share."""

import argparse
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping

import orjson

from benchmarks.measure import APPLICATION, Load, Side, in_turn
from benchmarks.usage import Programs, server_pids


class Work(ABC):
    """One side: a number of things to do, a multiple of ten, which are prepared first."""

    def prepare(self, count: int) -> None:  # noqa: B027 - most need nothing
        """Makes what `run` needs; this is not measured."""

    @abstractmethod
    def run(self) -> int:
        """Does it; returns how many were done."""


def measure_inside_django(works: Mapping[str, Work], *, count_for_a_second: int) -> None:
    """Measures the sides by `--rounds` and `--seconds`; prints a line of JSON with a `Measured` of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    servers = server_pids(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    programs = Programs({APPLICATION: os.getpid(), **servers})
    sides = {name: _side(work, programs, count_for_a_second) for name, work in works.items()}
    measured = in_turn(sides, rounds=arguments.rounds, seconds=arguments.seconds)
    sys.stdout.write(f"{orjson.dumps(measured).decode()}\n")


def _side(work: Work, programs: Programs, count_for_a_second: int) -> Side:
    def prepare(seconds: float) -> None:
        work.prepare(count_of(seconds))

    def run(seconds: float) -> Load:
        wanted = count_of(seconds)
        began = time.perf_counter()
        done = work.run()
        took = time.perf_counter() - began
        failure = "" if done == wanted else f"{done} of {wanted} were done"
        return Load(done, took, failures=abs(wanted - done), failure=failure)

    def count_of(seconds: float) -> int:
        return 10 * max(1, round(seconds * count_for_a_second / 10))

    return Side(run, programs, prepare)
