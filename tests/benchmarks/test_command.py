"""`make bench`, from end to end, with little of everything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.results import read_results
from benchmarks.targets import TARGETS
from tests.architecture.sources import ROOT
from tests.docs.newcomer import OF_THE_TESTS

LITTLE = ("--rounds", "1", "--seconds", "1", "--skus", "500", "--many", "1000", "--sockets", "20")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
    servers = (sys.executable, "-m", "pms_backend.standalone.servers")
    command = (*servers, sys.executable, "-m", "benchmarks", *arguments)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_one_command_measures_every_row(tmp_path: Path):
    done = run(*LITTLE, "--json", str(tmp_path / "results.json"))

    assert done.returncode == 0, done.stderr
    results = read_results(tmp_path / "results.json")
    assert [row.target.key for row in results.rows] == [target.key for target in TARGETS]
    assert all(row.ours.rate > 0 and row.limit.rate > 0 for row in results.rows)
    # The lines of the web server are in its log.
    assert "/api/v1/" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("relay", ("--rounds", "1", "--seconds", "0.1")),
        ("reserve-services", ("--rounds", "1", "--seconds", "0.1")),
        ("imports", ("--products", "100")),
        ("admin", ("--products", "300", "--rounds", "1", "--only", "inventory/stocktake")),
        ("servers", ("--rounds", "1", "--seconds", "1")),
        ("hanging", ("--rounds", "1", "--seconds", "2")),
    ],
)
def test_the_other_comparisons_are_measured_by_name(tmp_path: Path, name: str, arguments: tuple[str, ...]):
    done = run(name, *arguments, "--json", str(tmp_path / "results.json"))

    assert done.returncode == 0, done.stderr
